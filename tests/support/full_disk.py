"""A disk that is nearly full: a small tmpfs."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest


@contextmanager
def small_disk(folder: Path, kilobytes: int, names: int = 100_000) -> Iterator[Path]:
    """A folder with room for so many bytes and so many files. Skips the test where this machine mounts
    nothing."""
    folder.mkdir(parents=True)
    options = f"size={kilobytes}k,nr_inodes={names}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(disk: Path, *, left_kilobytes: int = 0) -> Iterator[None]:
    """Nothing but so much room is left on the disk until the block ends."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        _write_until_full(file)
        file.truncate(max(0, file.tell() - left_kilobytes * 1024))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def without_names(disk: Path) -> Iterator[None]:
    """There is room, but not for one more file or folder, until the block ends."""
    ballast = disk / "names"
    ballast.mkdir()
    try:
        for number in range(10_000_000):
            (ballast / str(number)).touch()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    try:
        yield
    finally:
        shutil.rmtree(ballast)


def _write_until_full(file: IO[bytes]) -> None:
    try:
        while file.write(b"\0" * 65536):
            continue
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
