"""Who asks: in open mode always the local owner."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from domain.accounts import Viewer, local_owner


async def viewer_of(connection: HTTPConnection) -> Viewer:
    """The viewer of a request or a socket; the root application asked for the local owner when it started."""
    known: Viewer | None = getattr(connection.state, "viewer", None)
    if known is None:
        known = connection.state.viewer = await local_owner()
    return known
