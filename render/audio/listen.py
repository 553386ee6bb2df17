"""What the listening child runs: from a song to a file of its features."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from render.audio.features import analyse
from render.errors import StorageFull

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def listen(path: str, out: str, report: Callable[[float, str | None], None] | None = None) -> None:
    """Write the features of the song at `path` to `out` (npz), whole or not at all.

    `report` hears per cent and a sentence. Raises what `analyse` raises, and StorageFull.
    """

    def heard(part: float) -> None:
        if report is not None:
            report(100.0 * part, "listening to the song")

    features = analyse(path, heard)
    try:
        features.save(out)
    except BaseException as error:
        Path(out).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise StorageFull("There is no room left on the disk for the features of the song.") from error
        raise
