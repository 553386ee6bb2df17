"""One header of a request, for middlewares that every request goes through: looking at it builds nothing."""

from __future__ import annotations

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first of that name, which is given in small letters as ASGI has them; None where there is none."""
    for known, value in scope["headers"]:
        if known == name:
            return str(value, "latin-1")
    return None
