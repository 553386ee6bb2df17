"""The song of the demo: the given one, or one that is made on the spot."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def composed(given: Path | None) -> Iterator[Path]:
    """The path of the song for the time of the block."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="starling-song-") as folder:
        # Here, not above: loading scipy takes as long as the server takes to start, meanwhile.
        from render.audio import groove

        path = Path(folder) / "starling-groove.wav"
        groove.write(path)
        yield path
