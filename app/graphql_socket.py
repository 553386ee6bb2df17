"""GraphQL over WebSockets at `/graphql`: graphql-transport-ws, by `schema.transport`."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from app.graphql_requests import context_of, decoded_json
from app.outlets import OUTLET
from resolvers.context import Context
from schema.live.hub import Hub
from schema.live.writers import QueuedWriter, Writer
from schema.starling import StarlingSchema
from schema.transport import TransportHandler

INIT_SECONDS = 5
OPERATIONS_A_SOCKET = 100
MAX_REASON_BYTES = 120  # of a WebSocket close; the protocol has room for 123


class SocketAdapter(ASGIWebSocketAdapter):
    """Writes nothing to a socket that is closed, and no longer reason than a close frame holds.

    `writer` is the server's own socket where it has one for us.
    """

    def __init__(self, view: Any, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        own = request.scope.get("extensions", {}).get(OUTLET)
        self.writer: Writer = QueuedWriter(request.send_text) if own is None else own

    async def send_json(self, message: Any) -> None:
        if WebSocketState.DISCONNECTED in (self.ws.application_state, self.ws.client_state):
            raise WebSocketDisconnected
        try:
            await super().send_json(message)
        except (OSError, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            short = reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
            with suppress(WebSocketDisconnect, OSError, RuntimeError):  # it went by itself meanwhile
                await super().close(code, short)


class GraphQLSocket(GraphQL[Context, None]):
    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = TransportHandler

    def __init__(self, schema: StarlingSchema) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=OPERATIONS_A_SOCKET,
        )
        self.hub = Hub(schema)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return await context_of(request)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        """`app.guards.OriginGuard` stands before every route and knows the configured origins."""
        return True

    def encode_json(self, data: object) -> str:
        """Text, not bytes: bytes would become binary frames, which browsers do not parse."""
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        return decoded_json(data)
