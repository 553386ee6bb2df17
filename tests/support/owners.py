"""Real processes that own engines (`tests.support.engine_owner`), as context managers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT


@dataclass
class Owner:
    process: subprocess.Popen[bytes]
    said: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.said[name]

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, self.said["postgres"], self.said["redis"]]


@contextmanager
def owner(
    home: Path,
    *,
    user: int | None = None,
    confined: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Owner]:
    """A process that owns the engines of a home, until the block ends.

    `user`: as that ordinary user; `confined`: as root where user namespaces are refused and only so many
    user ids exist. What it said is `error` where it could not start.
    """
    command: list[str] = [sys.executable]
    if confined is not None:
        command += ["-m", "tests.support.confined", str(confined), sys.executable]
    command += ["-m", "tests.support.engine_owner", str(home)]
    if user is not None:
        command.append(str(user))
    process = _started(command, environment)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Owner(process, json.loads(process.stdout.readline()))
    finally:
        if process.poll() is None:
            process.stdin.close()
        process.wait(20)
        process.stdout.close()
        if not process.stdin.closed:
            process.stdin.close()


def _started(command: Sequence[str], environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
