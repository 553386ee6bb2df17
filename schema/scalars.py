"""The scalars of the contract: DateTime, JSON, Long, Upload. What they refuse they refuse with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NewType

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from resolvers.uploads import Upload as StagedUpload

Long = NewType("Long", int)
Upload = NewType("Upload", StagedUpload)
MAX_LONG = 2**53
_SHOWN = 60


def _long_out(value: Any) -> int:
    if type(value) is int and -MAX_LONG <= value <= MAX_LONG:
        return value
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_LONG:
        raise GraphQLError(f"Long cannot represent value: {_shown(value)}")
    return value


def _long_in(value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or abs(value) > MAX_LONG:
        raise GraphQLError(f"Long must be a whole number between -2^53 and 2^53, got {_shown(value)}")
    return int(value)


def datetime_out(value: Any) -> str:
    """The text of `isoformat`, as orjson writes it: in a third of the time, and pages are full of moments."""
    if type(value) is not datetime:
        return str(value.isoformat())
    return orjson.dumps(value).decode()[1:-1]


def _datetime_in(value: Any) -> datetime:
    """A time without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise GraphQLError(
            f"DateTime must be ISO 8601 text such as 2026-01-31T12:00:00Z, got {_shown(value)}"
        ) from None


def _upload_in(value: Any) -> StagedUpload:
    if not isinstance(value, StagedUpload):
        raise GraphQLError("Upload must be a file part of a multipart/form-data request, named in its `map`")
    return value


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as ISO 8601 text, given and shown in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=datetime_out,
        parse_value=_datetime_in,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number up to 2^53, written as a JSON number.",
        serialize=_long_out,
        parse_value=_long_in,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file: a part of a multipart request (GraphQL multipart request specification).",
        parse_value=_upload_in,
    ),
}
