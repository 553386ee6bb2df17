"""Starling's GraphQL over `bench.page_schema`: `python -m bench.page_server compiled|stock ROWS DESCRIPTOR`.

What answers is what the API process answers with, the view and uvicorn's configuration; no database is open.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from starlette.applications import Starlette

from app.api import server_config
from app.graphql import graphql_routes
from bench.page_schema import page_schema
from domain.accounts import Role, Viewer
from domain.ports import Services

NONE: Any = None  # what no operation of this schema asks for


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
    yield {
        "services": Services(NONE, NONE, NONE, NONE, Path()),
        "viewer": Viewer(UUID(int=1), "bench", Role.ADMIN, datetime.now(UTC)),
    }


def main() -> None:
    _, mode, rows, descriptor = sys.argv
    schema = page_schema(json.loads(Path(rows).read_text()), compiled=mode == "compiled")
    app = Starlette(routes=graphql_routes(schema), lifespan=lifespan)
    uvicorn.Server(server_config(app)).run(sockets=[socket.socket(fileno=int(descriptor))])


if __name__ == "__main__":
    main()
