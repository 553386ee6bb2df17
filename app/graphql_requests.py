"""From a request to the operation in it. Whatever is none is refused with a sentence and a code."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any, cast

import orjson
from starlette.requests import HTTPConnection, Request

from app.graphql_refusals import Refused
from app.graphql_uploads import MAX_FILES, operation_of, require_preflight
from app.uploads import received_form
from app.viewer import viewer_of
from domain.ports import Services
from resolvers.context import Context

MAX_JSON_BYTES = 1024**2


async def request_parameters(request: Request, services: Services, uploads: AsyncExitStack) -> dict[str, Any]:
    """`query`, `operationName`, `variables`, `extensions` of a POST, of the right types.

    What was uploaded lies on disk until `uploads` is closed. Raises Refused and StarlingError.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        return checked(decoded(await _whole_body(request)))
    if content_type == "multipart/form-data":
        require_preflight(request)
        form = received_form(request, services, max_files=MAX_FILES)
        return checked(operation_of(await uploads.enter_async_context(form)))
    raise Refused(415, "The Content-Type must be application/json, or multipart/form-data for uploads")


def query_parameters(request: Request) -> dict[str, Any]:
    """The same of a GET, where objects are written as JSON text."""
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        given[name] = decoded(given[name].encode(), name) if given.get(name) else None
    return checked(given)


def checked(parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, dict):
        raise Refused(400, "The request must be one JSON object with a `query`: batches are not served")
    for name, kind, word in _TYPES:
        if not isinstance(parameters.get(name), kind | None):
            raise Refused(400, f"`{name}` must be {word}, if it is given", field=name)
    return parameters


_TYPES: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a string"),
    ("operationName", str, "a string"),
    ("variables", dict, "an object"),
    ("extensions", dict, "an object"),
)


def decoded(text: bytes | str, what: str = "The request body") -> Any:
    """Raises Refused for what is no JSON."""
    try:
        return decoded_json(text)
    except json.JSONDecodeError as error:
        raise Refused(400, f"{what} is not JSON: {error.msg}") from error


def decoded_json(text: bytes | str) -> Any:
    """JSON, and beside it NaN and Infinity, which Python clients send: so that their field can be named.

    Raises json.JSONDecodeError.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        words = text if isinstance(text, str) else text.decode(errors="replace")
        if "NaN" not in words and "Infinity" not in words:
            raise
        return _lenient(words)


def _lenient(text: str) -> Any:
    try:
        value = json.loads(text)
        orjson.dumps(value)  # refuses lone surrogates, which could not be answered either
    except json.JSONDecodeError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise json.JSONDecodeError("it cannot be read", "", 0) from error
    return value


async def _whole_body(request: Request) -> bytes:
    body = bytearray()
    if int(request.headers.get("content-length") or 0) > MAX_JSON_BYTES:
        raise _too_large()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refused:
    return Refused(413, f"The request body is too large: at most {MAX_JSON_BYTES:,} bytes", code="TOO_LARGE")


def services_of(connection: HTTPConnection) -> Services:
    return cast(Services, connection.state.services)


async def context_of(connection: HTTPConnection) -> Context:
    return Context(
        viewer=await viewer_of(connection),
        services=services_of(connection),
        request_id=getattr(connection.state, "request_id", ""),
    )
