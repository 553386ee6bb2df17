"""Logs: one JSON object a line on stderr, with the ids of the request, operation or job that it belongs to.

Nothing of this process leaves another kind of line there: warnings, uncaught exceptions of any thread and
what uvicorn and the other libraries say go the same way. Secrets are hidden in every line (`app.redaction`).
"""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import orjson

from app.redaction import Redaction
from domain.belonging import present_ids

_OURS = {"message", "asctime", "taskName", "color_message"}
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | _OURS
_CHATTY = ("asyncio", "tortoise", "httpx", "httpcore", "websockets", "numba", "arq", "uvicorn")

log = logging.getLogger("starling")


class JsonLines(logging.Formatter):
    """What is given as `extra` becomes keys of its own."""

    def __init__(self, redaction: Redaction | None = None) -> None:
        super().__init__()
        self._hide = redaction or Redaction()

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._hide(_message(record)),
            "process": record.process,
            **present_ids(),
        }
        for name, value in record.__dict__.items():
            if name not in _ORDINARY:
                is_plain = value is None or isinstance(value, bool | int | float)
                line[name] = value if is_plain else self._hide(str(value))
        if record.exc_info:
            line["error"] = self._hide(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = self._hide(record.stack_info)
        # A lone surrogate (a file name of another encoding) cannot be written as JSON.
        clean = {name: _writable(value) for name, value in line.items()}
        return orjson.dumps(clean, default=str).decode()


def configure(level: str, stream: TextIO | None = None, hide: Redaction | None = None) -> None:
    """Send every log of this process there (stderr by default), from `level` on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(hide))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def catch_the_rest() -> None:
    """What Python would write to stderr by itself becomes log lines too. For the process's main function."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda given: _uncaught(
        given.exc_type, given.exc_value or given.exc_type(), given.exc_traceback
    )
    sys.unraisablehook = lambda given: log.error(
        "an exception that nobody could handle: %s",
        given.err_msg or "in a destructor",
        exc_info=(given.exc_type, given.exc_value or given.exc_type(), given.exc_traceback),
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("an uncaught exception", exc_info=(kind, error, trace))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit: what was meant to be said is still worth a line
        return f"{record.msg} {record.args!r}"


def _writable(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
