"""How values of the contract's scalars are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as some

from schema.build import schema
from schema.scalars import MAX_LONG

OFFSETS = some.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def written(scalar: str, value: Any) -> Any:
    return schema().core.type_map[scalar].coerce_output_value(value)  # type: ignore[attr-defined]


@given(
    some.datetimes(timezones=some.one_of(some.none(), some.just(UTC), some.just(ZoneInfo("UTC")), OFFSETS))
)
def test_a_moment_is_its_iso_text(moment: datetime) -> None:
    assert written("DateTime", moment) == moment.isoformat()


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00Z", 0, True, [], object()])
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(AttributeError):
        written("DateTime", value)


@pytest.mark.parametrize("value", [0, 1, -1, MAX_LONG, -MAX_LONG])
def test_a_long_is_a_number(value: int) -> None:
    assert written("Long", value) == value


@pytest.mark.parametrize("value", [MAX_LONG + 1, -MAX_LONG - 1, True, 1.0, "1", None])
def test_what_is_no_long_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError, match="Long cannot represent value"):
        written("Long", value)
