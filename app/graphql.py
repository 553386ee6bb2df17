"""GraphQL at `/graphql`: POST, GET for queries, graphql-transport-ws on the same path, GraphiQL for browsers.

The media type of the answer follows Accept (GraphQL over HTTP): with application/graphql-response+json a
request that has no data at all is a 400, with application/json it is a 200. What is no GraphQL request gets
a 4xx with a body of the same shape. Nothing that a client sends is a 500.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.exceptions import HTTPException as StalledUpload
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from app.graphql_refusals import Refused
from app.graphql_requests import context_of, decoded_json, query_parameters, request_parameters, services_of
from app.graphql_socket import GraphQLSocket
from app.pages.html import graphiql_page
from domain.errors import StarlingError
from domain.outages import refusal_of
from resolvers.context import Context
from schema.starling import StarlingSchema

JSON_TYPE = "application/json"
GRAPHQL_TYPE = "application/graphql-response+json"
_UPLOADS = "starling.uploads"
_ALLOWED = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}
_STATUS_OF_WRONG_TYPE = {"GET": HTTPStatus.METHOD_NOT_ALLOWED, "POST": HTTPStatus.BAD_REQUEST}
_LOG = logging.getLogger("starling.graphql")


class RequestAdapter(StarletteRequestAdapter):
    @property
    def request(self) -> Request:
        return self._request


class GraphQLView(GraphQL[Context, None]):
    request_adapter_class = RequestAdapter

    def __init__(self, schema: StarlingSchema) -> None:
        super().__init__(schema, multipart_uploads_enabled=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with AsyncExitStack() as uploads:
            scope[_UPLOADS] = uploads
            try:
                response = await self._answered(request)
            except ClientDisconnect:
                return
        await response(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        try:
            return await self.run(request)
        except Refused as refusal:
            return _refusal(request, refusal)
        except StarlingError as error:
            return _refusal(request, Refused.by(error))
        except HTTPException as error:
            return _refusal(request, Refused(error.status_code, error.reason))
        except StalledUpload as error:
            return _refusal(request, Refused(error.status_code, error.detail, code="TIMEOUT"))
        except ClientDisconnect:
            raise
        except Exception as error:
            if (outage := refusal_of(error)) is not None:
                return _refusal(request, Refused.by(outage))
            _LOG.exception("a request failed")
            return _refusal(request, Refused(500, "Internal error", code="INTERNAL"))

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return await context_of(request)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        real = cast(RequestAdapter, request).request
        if real.method == "GET":
            given = query_parameters(real)
        else:
            given = await request_parameters(real, services_of(real), real.scope[_UPLOADS])
        return GraphQLRequestData(
            query=given.get("query"),
            variables=given.get("variables"),
            operation_name=given.get("operationName"),
            extensions=given.get("extensions"),
        )

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """GET changes nothing, and a subscription needs a socket. Raises Refused."""
        method = request_adapter.method
        try:
            return await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=_ALLOWED[method],
                operation_extensions=request_data.extensions,
            )
        except MissingQueryError as error:
            raise Refused(400, "The request has no `query`") from error
        except CannotGetOperationTypeError as error:
            raise Refused(400, error.as_http_error_reason()) from error
        except InvalidOperationTypeError as error:
            raise Refused(_STATUS_OF_WRONG_TYPE[method], error.as_http_error_reason(method)) from error

    def should_render_graphql_ide(self, request: Any) -> bool:
        wants_page = "text/html" in request.headers.get("accept", "")
        return request.method == "GET" and wants_page and "query" not in request.query_params

    async def render_graphql_ide(self, request: Request) -> Response:
        return graphiql_page(request.url.path)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        return Response(media_type=_answer_type(request))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            del answer["data"]  # there was no execution: the answer has no such entry
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        strict = sub_response.media_type == GRAPHQL_TYPE
        status = HTTPStatus.BAD_REQUEST if strict and "data" not in response_data else HTTPStatus.OK
        return Response(
            orjson.dumps(response_data), status, media_type=_with_charset(sub_response.media_type)
        )

    def decode_json(self, data: str | bytes) -> object:
        return decoded_json(data)


def graphql_routes(served: StarlingSchema) -> list[BaseRoute]:
    """`/graphql`, for requests and for sockets."""
    return [
        Route("/graphql", GraphQLView(served), name="graphql"),
        WebSocketRoute("/graphql", GraphQLSocket(served), name="graphql-socket"),
    ]


def _refusal(request: Request, refusal: Refused) -> Response:
    answer = Response(
        orjson.dumps(refusal.body()), refusal.status, media_type=_with_charset(_answer_type(request))
    )
    if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = "GET, POST"
    return answer


def _answer_type(request: HTTPConnection) -> str:
    return GRAPHQL_TYPE if GRAPHQL_TYPE in request.headers.get("accept", "") else JSON_TYPE


def _with_charset(media_type: str | None) -> str:
    return f"{media_type}; charset=utf-8"
