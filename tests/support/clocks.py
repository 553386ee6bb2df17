"""Processes whose clock is wrong, by libfaketime; the monotonic clock stays true, as on a real machine.

The wheel brings the library in the build that does not lock: threads that read the time while it reads its
file may see the true time for an instant. For a clock that is to jump that is only one jump more.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HOUR_SECONDS = 3600.0


def shifted(hours: float) -> dict[str, Any]:
    """The environment of a process whose clock is so many hours ahead (behind, if negative).

    Its children have the same clock.
    """
    return {**_preloaded(), "FAKETIME": f"{hours * HOUR_SECONDS:+.0f}"}


class JumpingClock:
    """A clock that is set while its processes run: `environment` is what they are started with."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(0.0)

    @property
    def environment(self) -> dict[str, Any]:
        return {**_preloaded(), "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1"}

    def jump(self, seconds: float) -> None:
        """From now on the clock is so far ahead of the true one."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n")
        fresh.replace(self._file)


def _preloaded() -> dict[str, Any]:
    return {"LD_PRELOAD": str(_library()), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


def _library() -> Path:
    """The shared object inside the wheel, which is found and not imported. Skips the test without it."""
    spec = find_spec("libfaketime")
    if spec is not None and spec.origin is not None:
        library = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
        if library.is_file():
            return library
    pytest.skip("libfaketime does not shift clocks on this machine")
