"""Thousands of surprises, each worth a line in the log elsewhere, and what graphql-core leaves behind."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.differential.sides import swept


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Coroutines that nobody awaited are found here and not in another test: see `abandoned`.

    They are swept between operations, never in the middle of one: CPython 3.11 collects wherever something is
    allocated, and within the `__new__` of a namedtuple, which has no builtins, it can't even warn of them.
    """
    caplog.set_level(logging.ERROR, "schema")
    gc.disable()
    swept()
    yield
    gc.enable()
    gc.unfreeze()
    gc.collect()
