"""What goes back for a GraphQL request: JSON in the media type that the client asked for."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.graphql_refusals import Refused, status_of

JSON_TYPE = "application/json"
GRAPHQL_TYPE = "application/graphql-response+json"
NO_WEIGHT = re.compile(r"[qQ]=0(\.0{0,3})?")  # RFC 9110, 12.4.2


def answer_of(request: Request, response: dict[str, Any]) -> Response:
    """Without data nothing was executed: to who asks for the strict media type that is no success."""
    media_type = answer_type(request)
    is_failure = media_type == GRAPHQL_TYPE and "data" not in response
    return _json(response, media_type, _status(response["errors"]) if is_failure else 200)


def _status(errors: list[dict[str, Any]]) -> int:
    return status_of(errors[0].get("extensions", {}).get("code", ""))


def refusal_answer(request: Request, refusal: Refused) -> Response:
    answer = _json(refusal.body(), answer_type(request), refusal.status)
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = "GET, POST"
    return answer


def answer_type(request: Request) -> str:
    accept = request.headers.get("accept", "")
    return GRAPHQL_TYPE if GRAPHQL_TYPE in accept and _is_accepted(GRAPHQL_TYPE, accept) else JSON_TYPE


def _is_accepted(media_type: str, accept: str) -> bool:
    """Whether it is named, and not with the weight 0, by which a client says that it cannot read it."""
    for offer in accept.split(","):
        named, *parameters = (part.strip() for part in offer.split(";"))
        if named == media_type:
            return not any(NO_WEIGHT.fullmatch(parameter) for parameter in parameters)
    return False


def _json(content: dict[str, Any], media_type: str, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status, media_type=f"{media_type}; charset=utf-8")
