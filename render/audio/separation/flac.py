"""Four stems as FLAC files of 24 bits, written side by side as they come.

24 bits, so that the stems still sum to a quiet mix (their rounding lies some 140 dB below full scale); FLAC,
because it is lossless, plays in every browser, is about half of a WAV and has no limit of 4 GB. It holds
nothing beyond full scale, which a stem may pass though the mix does not: what is over goes to the stems that
have room, so the sum stays.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from render.errors import StorageFull

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STEPS = 2.0**23
_TOP = (_STEPS - 1) / _STEPS
_FRAME = 4096


class StemFiles:
    """Open files; `add` all stems' next samples. Files of a block that raises are removed.

    Raises StorageFull where the disk has no room.
    """

    def __init__(self, paths: Mapping[str, Path], rate_hz: int, layout: str) -> None:
        self._paths = dict(paths)
        self._rate_hz, self._layout = rate_hz, layout
        self._open = ExitStack()
        self._outputs: dict[str, tuple[av.container.OutputContainer, av.AudioStream]] = {}

    def __enter__(self) -> Self:
        try:
            for stem, path in self._paths.items():
                output = self._open.enter_context(av.open(f"file:{path.absolute()}", "w", format="flac"))
                stream = output.add_stream("flac", rate=self._rate_hz, layout=self._layout)
                stream.codec_context.format = "s32"  # of which the encoder takes the upper 24 bits
                self._outputs[stem] = (output, stream)
        except BaseException as error:
            self._fail(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._fail(error)
            return
        try:
            for output, stream in self._outputs.values():
                output.mux(stream.encode(None))
            self._open.close()
        except BaseException as late:
            self._fail(late)
            raise

    def add(self, stems: Mapping[str, NDArray[np.float32]]) -> None:
        """The next samples of all stems, (samples, channels) each."""
        fitted = with_room(np.stack([stems[stem] for stem in self._outputs]))
        for (output, stream), sound in zip(self._outputs.values(), fitted, strict=True):
            steps = np.rint(sound * _STEPS).astype(np.int32) << 8
            for begin in range(0, len(steps), _FRAME):
                piece = np.ascontiguousarray(steps[begin : begin + _FRAME]).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(piece, format="s32", layout=self._layout)
                frame.sample_rate = self._rate_hz
                output.mux(stream.encode(frame))

    def _fail(self, error: BaseException) -> None:
        """Leave no file. Raises StorageFull where that is what `error` means."""
        for path in self._paths.values():
            path.unlink(missing_ok=True)  # room for the trailers that closing cannot help writing
        with contextlib.suppress(OSError, av.error.FFmpegError):
            self._open.close()
        if isinstance(error, OSError | av.error.FFmpegError) and error.errno in _NO_ROOM:
            raise StorageFull("There is no room left on the disk for the stems.") from error


def with_room(sounds: NDArray[np.floating]) -> NDArray[np.float64]:
    """(stems, samples, channels) within full scale and with the same sum, where that is possible at all."""
    fitted = np.clip(sounds.astype(np.float64), -1.0, _TOP)
    over = (sounds - fitted).sum(axis=0)
    for number in range(len(fitted)):
        if not over.any():
            break
        room = np.clip(over, -1.0 - fitted[number], _TOP - fitted[number])
        fitted[number] += room
        over -= room
    return fitted
