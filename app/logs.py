"""Logs: one JSON object a line on stderr, with the id of the request that it belongs to."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_OURS = {"message", "asctime", "taskName", "color_message"}
_ORDINARY = frozenset(logging.makeLogRecord({}).__dict__) | _OURS
_CHATTY = ("asyncio", "tortoise", "httpx", "httpcore", "websockets", "numba", "arq", "uvicorn")


class JsonLines(logging.Formatter):
    """What is given as `extra` becomes keys of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        line.update({name: value for name, value in record.__dict__.items() if name not in _ORDINARY})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every log of this process there (stderr by default), from `level` on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
