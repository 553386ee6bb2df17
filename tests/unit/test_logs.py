from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app import logs
from domain.belonging import belonging_to


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_one_object_a_line_whatever_is_said(written: io.StringIO) -> None:
    logging.getLogger("a.b").info("two\nlines of %s", "text", extra={"seconds": 0.5, "odd": object()})
    logging.getLogger("a.b").debug("not said")
    (line,) = lines(written)
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "a.b", "two\nlines of text")
    assert line["seconds"] == 0.5
    assert "request_id" not in line


def test_the_request_and_the_error_are_in_the_line(written: io.StringIO) -> None:
    with belonging_to(request_id="r-1"), belonging_to(job_id="j-1"):
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.getLogger("a").exception("it failed")
    (line,) = lines(written)
    assert (line["request_id"], line["job_id"]) == ("r-1", "j-1")
    assert "ValueError: wrong" in str(line["error"])
