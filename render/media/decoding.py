"""The decoded sound of an open container, as far as it can be had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import av.error
from av.audio.frame import AudioFrame
from av.container import InputContainer

from render.media.container import audio_stream


def decoded_frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Every audio frame that decodes. A broken packet is left out, a file that is cut ends early.

    Raises UnsupportedMedia without an audio stream, MemoryError when the process may not have more.
    """
    stream = audio_stream(container)
    try:
        for packet in container.demux(stream):
            with contextlib.suppress(av.error.InvalidDataError):
                yield from stream.codec_context.decode(packet)
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
