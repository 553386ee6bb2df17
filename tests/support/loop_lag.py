"""How late an event loop is by its own doing: a line a second, the worst of that second (seconds).

What its thread waited for a processor, as the kernel counts it, is the machine's doing and taken off.
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
            waited = waited_for_a_processor()
            await asyncio.sleep(TICK_SECONDS)
            late = time.monotonic() - before - TICK_SECONDS
            worst = max(worst, late - (waited_for_a_processor() - waited))
        with path.open("a") as file:
            file.write(f"{worst:.4f}\n")


def waited_for_a_processor() -> float:
    """Seconds that this thread could have run and did not, by sched-stats of the kernel."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def longest(path: Path, skipped_seconds: int = 0) -> float:
    """The worst that was written, in seconds."""
    return max(float(line) for line in path.read_text().split()[skipped_seconds:])


if __name__ == "__main__":
    asyncio.run(measure_lag(Path(sys.argv[1])))
