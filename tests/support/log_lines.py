"""What this process logs, as `app.logs` writes it, while a test looks."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app import logs
from app.redaction import Redaction


class Written(io.StringIO):
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@contextmanager
def written_logs(hide: Redaction | None = None) -> Iterator[Written]:
    """From INFO on. Whoever listened before listens again afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = Written()
    logs.configure("INFO", written, hide)
    try:
        yield written
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
