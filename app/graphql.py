"""GraphQL at `/graphql`: POST, GET for queries, graphql-transport-ws on the same path, GraphiQL for browsers.

The media type of the answer follows Accept (GraphQL over HTTP): with application/graphql-response+json a
request that has no data at all is a 400, with application/json it is a 200. What is no GraphQL request gets
a 4xx with a body of the same shape. Nothing that a client sends is a 500.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Any

from starlette.exceptions import HTTPException as StalledUpload
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from app.graphql_answers import answer_of, refusal_answer
from app.graphql_refusals import Refused
from app.graphql_requests import context_of, query_parameters, request_parameters, services_of
from app.graphql_socket import GraphQLSocket
from app.pages.html import graphiql_page
from domain.errors import StarlingError
from domain.outages import refusal_of
from schema.answering import GraphQLRequest, NoOperation, respond
from schema.starling import StarlingSchema

_KINDS = {"GET": ("query",), "POST": ("query", "mutation")}  # a subscription needs a socket
_LOG = logging.getLogger("starling.graphql")


class GraphQLView:
    """Requests of one path, as an ASGI application."""

    def __init__(self, schema: StarlingSchema) -> None:
        self._schema = schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            if request.method not in _KINDS:
                raise Refused(405, "GraphQL only supports GET and POST requests.")
            if _wants_editor(request):
                return graphiql_page(request.url.path)
            async with AsyncExitStack() as uploads:
                response = await self._response(request, uploads)
            return answer_of(request, response)
        except Refused as refusal:
            return refusal_answer(request, refusal)
        except StarlingError as error:
            return refusal_answer(request, Refused.by(error))
        except StalledUpload as error:
            return refusal_answer(request, Refused(error.status_code, error.detail, code="TIMEOUT"))
        except ClientDisconnect:
            raise
        except Exception as error:
            if (outage := refusal_of(error)) is not None:
                return refusal_answer(request, Refused.by(outage))
            _LOG.exception("a request failed")
            return refusal_answer(request, Refused(500, "Internal error", code="INTERNAL"))

    async def _response(self, request: Request, uploads: AsyncExitStack) -> dict[str, Any]:
        """Raises Refused and StarlingError."""
        context = await context_of(request)
        if request.method == "GET":
            given = query_parameters(request)
        else:
            given = await request_parameters(request, services_of(request), uploads)
        asked = GraphQLRequest(
            text=given.get("query"),
            name=given.get("operationName"),
            variables=given.get("variables"),
            extensions=given.get("extensions"),
            context=context,
            kinds=_KINDS[request.method],
        )
        try:
            return await respond(self._schema, asked)
        except NoOperation as error:
            raise _refused(request.method, error) from error


def graphql_routes(served: StarlingSchema) -> list[BaseRoute]:
    """`/graphql`, for requests and for sockets."""
    return [
        Route("/graphql", GraphQLView(served), name="graphql"),
        WebSocketRoute("/graphql", GraphQLSocket(served), name="graphql-socket"),
    ]


def _wants_editor(request: Request) -> bool:
    if request.method != "GET" or "query" in request.query_params:
        return False
    return "text/html" in request.headers.get("accept", "")


def _refused(method: str, error: NoOperation) -> Refused:
    if error.kind is None:
        return Refused(400, error.message)
    status = 405 if method == "GET" else 400
    return Refused(status, f"{error.kind}s are not allowed when using {method}")
