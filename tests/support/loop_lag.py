"""How late an event loop is: a line a second, the worst of that second (seconds).

`python -m tests.support.loop_lag FILE` is a loop with nothing else to do: what it is late by, the machine is.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

TICK_SECONDS = 0.005


async def measure_lag(path: Path) -> None:
    """For ever."""
    while True:
        worst, began = 0.0, time.monotonic()
        while (before := time.monotonic()) - began < 1.0:
            await asyncio.sleep(TICK_SECONDS)
            worst = max(worst, time.monotonic() - before - TICK_SECONDS)
        with path.open("a") as file:
            file.write(f"{worst:.4f}\n")


def longest(path: Path, skipped_seconds: int = 0) -> float:
    """The worst that was written, in seconds."""
    return max(float(line) for line in path.read_text().split()[skipped_seconds:])


if __name__ == "__main__":
    asyncio.run(measure_lag(Path(sys.argv[1])))
