"""One error tree, one body for each REST family: what was refused, said the way that the family documents.

A family is known by the paths it serves. Statuses are common to all; a family may move some (the first one
answers malformed bodies with 400) and decides the body. What is no error of ours is answered without detail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from domain.errors import StarlingError
from domain.outages import KINDS, refusal_of

log = logging.getLogger(__name__)

CLIENT_CLOSED = 499  # nobody reads it: the client has gone
RETRY_SECONDS = 5  # what a client that was told to wait should wait

STATUS = {
    "BAD_USER_INPUT": 400,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "QUOTA_EXCEEDED": 429,
    "COST_EXCEEDED": 402,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA": 415,
    "TIMEOUT": 504,
    "UNAVAILABLE": 503,
    "PROVIDER_ERROR": 502,
    "STORAGE_FULL": 507,
    "WORKER_LOST": 503,
    "CANCELLED": 409,
}
_WAIT = (429, 503, 504)


@dataclass(frozen=True)
class Refusal:
    """What a family's body is made of: one sentence, the stable code, and the field where one is to blame."""

    status: int
    sentence: str
    code: str
    field: str | None = None


def detail_body(refusal: Refusal) -> dict[str, Any]:
    return {"detail": refusal.sentence}


@dataclass(frozen=True)
class Family:
    prefixes: tuple[str, ...]
    body: Callable[[Refusal], dict[str, Any]] = detail_body
    statuses: Mapping[str, int] = field(default_factory=dict)  # where it differs from STATUS
    malformed: int = 422  # the status of a request that does not have the documented shape
    lists_problems: bool = False  # whether that is answered with FastAPI's own list of them

    def serves(self, path: str) -> bool:
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)


PLAIN = Family(prefixes=())
PARTICLES = Family(
    prefixes=("/particles", "/api/particles"), statuses={"UNSUPPORTED_MEDIA": 400}, malformed=400
)
MUSIC = Family(
    prefixes=("/api/ai", "/api/audio", "/static/audio", "/api/vcs", "/api/repositories", "/api/auth"),
    statuses={"UNSUPPORTED_MEDIA": 400},
    lists_problems=True,
)
FAMILIES: Sequence[Family] = (PARTICLES, MUSIC)


def family_of(path: str) -> Family:
    return next((family for family in FAMILIES if family.serves(path)), PLAIN)


def install(app: Starlette) -> None:
    """Every refusal of a route, in the body of the family that the path belongs to: for the REST application
    and for the root, whose own paths answer a wrong method as the families do."""
    app.add_exception_handler(StarlingError, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(ClientDisconnect, _gone)
    for kind in KINDS:
        app.add_exception_handler(kind, _perhaps_away)
    app.add_exception_handler(Exception, failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarlingError)
    family = family_of(request.url.path)
    status = family.statuses.get(error.code) or STATUS.get(error.code, 500)
    return _answer(family, Refusal(status, error.message, error.code, error.field))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = Refusal(error.status_code, str(error.detail), f"HTTP_{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (allowed := _methods(request)):
        headers["Allow"] = ", ".join(sorted(allowed))
    return _answer(family_of(request.url.path), refusal, headers)


def _methods(request: Request) -> set[str]:
    """All that the path answers to: several routes may share one, and each knows its own alone."""
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if (pattern := getattr(route, "path_regex", None)) and pattern.match(request.scope["path"])
        for method in route.methods or ()
    }


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    family = family_of(request.url.path)
    if family.lists_problems:
        return JSONResponse({"detail": _problems(error)}, family.malformed)
    return _answer(family, _first_problem(error, family.malformed))


async def _gone(request: Request, error: Exception) -> Response:
    """A body that was cut in the middle is no fault of the server."""
    return Response(status_code=CLIENT_CLOSED)


async def _perhaps_away(request: Request, error: Exception) -> Response:
    outage = refusal_of(error)
    if outage is None:
        raise error
    log.warning("a request was refused: %s", type(error).__name__)
    return await _refused(request, outage)


async def failed(request: Request, error: Exception) -> Response:
    """The server's own fault: starlette raises it again after this answer, and `RequestIds` logs it."""
    return _answer(family_of(request.url.path), Refusal(500, "Internal server error", "INTERNAL"))


def _problems(error: RequestValidationError) -> list[dict[str, Any]]:
    """What is wrong and where, without what the client sent: it need not be text that can be sent back."""
    return [
        {"type": problem["type"], "loc": [_sendable(part) for part in problem["loc"]], "msg": problem["msg"]}
        for problem in error.errors()
    ]


def _sendable(part: str | int) -> str | int:
    return part.encode(errors="replace").decode() if isinstance(part, str) else part


def _first_problem(error: RequestValidationError, status: int) -> Refusal:
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"][1:]]
    where = "body" if problem["type"] == "json_invalid" or not place else ".".join(place)
    is_no_object = not place and problem["type"] == "model_attributes_type"
    wrong = "a JSON object is needed, sent as application/json" if is_no_object else problem["msg"]
    return Refusal(status, f"{where}: {wrong}", "BAD_USER_INPUT", where)


def _answer(family: Family, refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    # a lone surrogate from a client's JSON cannot be encoded, so it must not come back in a message
    sentence = refusal.sentence.encode(errors="replace").decode()
    clean = Refusal(refusal.status, sentence, refusal.code, refusal.field)
    response = JSONResponse(family.body(clean), refusal.status, headers)
    if refusal.status in _WAIT:
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response
