"""The Range header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranges import Unsatisfiable, byte_range


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("Bytes= 5-6 ", (5, 7)),
        ("bytes=99-", (99, 100)),
        ("bytes=-", None),
        ("bytes=20-10", None),
        ("bytes=1-2,5-6", None),
        ("bytes=a-b", None),
        ("bytes=1.5-2", None),
        ("bytes=-1-2", None),
        ("bytes=٣-٤", None),
        ("items=0-1", None),
        ("bytes 0-1", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_ranges(header: str | None, wanted: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == wanted


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=-5", 0)]
)
def test_ranges_behind_the_end(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        byte_range(header, size)


@given(st.text(max_size=40), st.integers(0, 1000))
def test_whatever_is_said(text: str, size: int) -> None:
    try:
        wanted = byte_range(f"bytes={text}", size)
    except Unsatisfiable:
        return
    assert wanted is None or 0 <= wanted[0] < wanted[1] <= size
