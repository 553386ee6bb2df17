"""A mix, its stems and a small preview as files: lossless where it counts, small where it is only listened
to.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from render.audio.separation.flac import StemFiles
from render.errors import StorageFull
from render.music.made import AUDIO, PREVIEW, place

PREVIEW_BITS_PER_SECOND = 128_000
_ENCODER = {"aac_coder": "fast"}  # as for films; LAME takes more than twice as long
_PLAYS_AT_ONCE = {"movflags": "+faststart"}  # before it is loaded
_BLOCK = 1024 * 32  # samples; frames of AAC have 1024
_LAYOUTS = {1: "mono", 2: "stereo"}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Sound = NDArray[np.float32]  # (samples, channels), full scale is 1


def write_sounds(folder: Path, mix: Sound, stems: Mapping[str, Sound], rate_hz: int) -> None:
    """The mix and each stem as FLAC of 24 bits, and the mix as AAC, at their places in the folder.

    The stems still sum to the mix (to its last bits). The same sound is the same bytes. Raises StorageFull.
    """
    _write_lossless(folder, {AUDIO: mix}, rate_hz)
    if stems:
        _write_lossless(folder, stems, rate_hz)
    _write_preview(place(folder, PREVIEW), mix, rate_hz)


def _write_lossless(folder: Path, sounds: Mapping[str, Sound], rate_hz: int) -> None:
    first = next(iter(sounds.values()))
    paths = {role: place(folder, role) for role in sounds}
    with StemFiles(paths, rate_hz, _LAYOUTS[first.shape[1]]) as files:
        for begin in range(0, len(first), _BLOCK):
            files.add({role: sound[begin : begin + _BLOCK] for role, sound in sounds.items()})


def _write_preview(path: Path, mix: Sound, rate_hz: int) -> None:
    layout = _LAYOUTS[mix.shape[1]]
    try:
        with av.open(f"file:{path.absolute()}", "w", format="ipod", options=_PLAYS_AT_ONCE) as output:
            stream = output.add_stream("aac", rate=rate_hz, layout=layout, options=_ENCODER)
            stream.bit_rate = PREVIEW_BITS_PER_SECOND
            for begin in range(0, len(mix), _BLOCK):
                block = np.ascontiguousarray(mix[begin : begin + _BLOCK].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate = rate_hz
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    except (OSError, av.error.FFmpegError) as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("There is no room left on the disk for the piece.") from error
        raise
