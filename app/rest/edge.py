"""What every route asks of its connection: the services, the viewer, and ids that clients write as text."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from starlette.requests import HTTPConnection

from domain.errors import NotFound
from domain.ports import Services


def services_of(connection: HTTPConnection) -> Services:
    """What the root application's lifespan opened."""
    return cast(Services, connection.state.services)


def id_or_missing(text: str, sentence: str) -> UUID:
    """The id that a path names. Raises NotFound with `sentence` for what is no id at all."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(sentence) from error
