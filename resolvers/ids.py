"""Ids as clients write them: a UUID in its one usual spelling, or no id of ours."""

from __future__ import annotations

from uuid import UUID

from domain.errors import NotFound


def parsed(text: str) -> UUID | None:
    """None for everything that no row can have, however long or odd it is."""
    if len(text) != 36:
        return None
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def required(text: str, what: str, field: str = "id") -> UUID:
    """Raises NotFound as for an id that no row has. `what` is the noun of the sentence, such as `Job`."""
    found = parsed(text)
    if found is None:
        raise NotFound(f"{what} not found", field=field)
    return found
