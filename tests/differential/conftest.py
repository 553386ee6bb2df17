"""Thousands of surprises, each worth a line in the log elsewhere, and what graphql-core leaves behind."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Coroutines that nobody awaited are found here and not in another test: see `abandoned`."""
    caplog.set_level(logging.ERROR, "schema")
    yield
    gc.collect()
