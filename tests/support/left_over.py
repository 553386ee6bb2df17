"""Files that should go: a run first says how it ended, and clears away after that."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

MOMENT = 10.0  # seconds


async def still_there(listing: Callable[[], list[str]]) -> list[str]:
    """What the listing still names after a moment; empty as soon as it is."""
    began = time.monotonic()
    while (names := listing()) and time.monotonic() - began < MOMENT:
        await asyncio.sleep(0.02)
    return names


def files_below(folder: Path) -> list[Path]:
    """While others remove folders: `rglob` raises where one goes between its being found and looked into."""
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
