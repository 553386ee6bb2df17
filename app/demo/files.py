"""Where the song comes from and where the video goes, checked before anything is started."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.demo.errors import DemoError

DEFAULT_OUTPUT = "starling-demo.mp4"


@dataclass(frozen=True)
class Places:
    """`audio` is None where a song is to be composed."""

    audio: Path | None
    output: Path


def places(audio: str | None, output: str | None) -> Places:
    """Raises DemoError for a song that cannot be read or a place that cannot be written."""
    song = None if audio is None else _readable(Path(audio).expanduser())
    name = DEFAULT_OUTPUT if song is None else f"{song.stem}-starling.mp4"
    target = _writable(Path.cwd() / name if output is None else Path(output).expanduser())
    if song is not None and target.exists() and target.samefile(song):
        raise DemoError(f"{target} is the song itself: choose another file with -o.")
    return Places(song, target)


def _readable(path: Path) -> Path:
    if path.is_dir():
        raise DemoError(f"{path} is a folder, not a song.")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise DemoError(f"{path} is empty.")
    except OSError as error:
        raise DemoError(f"The song {path} cannot be read ({error.strerror}).") from error
    return path


def _writable(path: Path) -> Path:
    if path.is_dir():
        path = path / DEFAULT_OUTPUT
    if not path.suffix:
        path = path.with_suffix(".mp4")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            return path.absolute()
    except OSError as error:
        raise DemoError(f"No file can be made in {path.parent} ({error.strerror}).") from error


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` at the end of the block, or nothing at all."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
