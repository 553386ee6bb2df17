"""Log lines: one object each, whatever is said and by whom."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from domain.belonging import belonging_to
from tests.support.log_lines import Written, written_logs


@pytest.fixture
def written() -> Iterator[Written]:
    with written_logs() as stream:
        yield stream


def test_one_object_a_line_whatever_is_said(written: Written) -> None:
    logging.getLogger("a.b").info("two\nlines of %s", "text", extra={"seconds": 0.5, "odd": object()})
    logging.getLogger("a.b").debug("not said")
    (line,) = written.lines()
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "a.b", "two\nlines of text")
    assert line["seconds"] == 0.5
    assert "request_id" not in line


def test_the_request_and_the_error_are_in_the_line(written: Written) -> None:
    with belonging_to(request_id="r-1"), belonging_to(job_id="j-1"):
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.getLogger("a").exception("it failed")
    (line,) = written.lines()
    assert (line["request_id"], line["job_id"]) == ("r-1", "j-1")
    assert "ValueError: wrong" in str(line["error"])


_UNCAUGHT = """
import threading, warnings
from app import logs
logs.configure("INFO")
logs.catch_the_rest()
warnings.warn("old ways")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
class Leaving:
    def __del__(self):
        raise KeyError("gone")
Leaving()
raise ValueError("the end")
"""


def test_what_python_says_by_itself_is_said_in_lines_too() -> None:
    done = subprocess.run([sys.executable, "-c", _UNCAUGHT], capture_output=True, text=True, timeout=60)
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in said] == ["WARNING", "CRITICAL", "ERROR", "CRITICAL"]
    assert "UserWarning: old ways" in said[0]["message"]
    errors = [line["error"] for line in said[1:]]
    for error, what in zip(
        errors, ("ZeroDivisionError", "KeyError: 'gone'", "ValueError: the end"), strict=True
    ):
        assert what in error
    assert done.returncode == 1
