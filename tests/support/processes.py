"""Finding processes that belong to a test, whoever started them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from app.engines.processes import start_ticks

ROOT = Path(__file__).resolve().parent.parent.parent


def living(marker: str) -> dict[int, str]:
    """pid: command line of processes with `marker` in command line, environment or working directory."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            place = os.fsencode((entry / "cwd").readlink())
            known = (command, place, (entry / "environ").read_bytes())
        except OSError:
            continue
        if any(os.fsencode(marker) in text for text in known) and start_ticks(int(entry.name)) is not None:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def pool_children() -> list[psutil.Process]:
    """Those of a pool of this process: the engines and the server of the session are its children too."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # gone meanwhile, or a zombie
            if "workers.child" in child.cmdline():
                found.append(child)
    return found


def wait_until_none(marker: str, seconds: float) -> tuple[dict[int, str], float]:
    """What still lives after at most `seconds`, and how long it took."""
    began = time.monotonic()
    while (left := living(marker)) and time.monotonic() - began < seconds:
        time.sleep(0.02)
    return left, time.monotonic() - began
