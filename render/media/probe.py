"""What an uploaded file is and how large: kind, type, length, size, all judged from its content.

Runs in a sandboxed child process, never in the API's own: it decodes what strangers sent.
"""

from __future__ import annotations

import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render import limits
from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from render.media.container import audio_stream, open_media, recognise, video_stream
from render.media.facts import Probe
from render.media.length import audio_seconds, video_seconds
from render.media.magic import MediaFormat


def probe(path: str) -> Probe:
    """Look into the file. Raises UnsupportedMedia, DamagedMedia, MediaTooLarge, or OSError if unreadable."""
    found = recognise(path)
    try:
        return _probe(path, found)
    except MemoryError as error:
        raise MediaTooLarge(f"Decoding the {found.name} file takes more memory than is allowed.") from error
    except av.error.FFmpegError as error:
        raise DamagedMedia(f"The {found.name} file is cut off or damaged.") from error


def _probe(path: str, found: MediaFormat) -> Probe:
    with open_media(path) as container:
        picture = video_stream(container)
        if picture is None:
            return _sound(path, container, found)
        shown = first_picture(container, picture, found)
        width, height = (shown.height, shown.width) if shown.rotation % 180 else (shown.width, shown.height)
        if found.kind == "IMAGE":
            return Probe("IMAGE", found.video_type, found.video_extension, width=width, height=height)
        rate_hz, channels = _sound_shape(container)
        return Probe(
            "VIDEO",
            found.video_type,
            found.video_extension,
            duration=video_seconds(path, container, picture),
            width=width,
            height=height,
            sample_rate=rate_hz,
            channels=channels,
        )


def first_picture(container: InputContainer, stream: VideoStream, found: MediaFormat) -> VideoFrame:
    """The first frame that decodes. Raises DamagedMedia without one, MediaTooLarge if it is too large."""
    if found.kind != "IMAGE":
        _check_side(stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.thread_count = 1
    if found.kind == "IMAGE":
        stream.codec_context.options = {"err_detect": "explode"}  # half a picture is a damaged picture
    for frame in container.decode(stream):
        return frame
    raise DamagedMedia(f"The {found.name} file holds no picture that can be decoded.")


def _check_side(width: int, height: int) -> None:
    if max(width, height) > limits.MAX_SIDE:
        raise MediaTooLarge(
            f"The picture is {width} x {height} pixels; the limit is {limits.MAX_SIDE} on a side."
        )


def _sound(path: str, container: InputContainer, found: MediaFormat) -> Probe:
    rate_hz, channels = _sound_shape(container)
    if rate_hz is None:
        raise UnsupportedMedia(f"The {found.name} file has no sound or picture of a supported codec.")
    return Probe(
        "AUDIO",
        found.audio_type,
        found.audio_extension,
        duration=audio_seconds(path),
        sample_rate=rate_hz,
        channels=channels,
    )


def _sound_shape(container: InputContainer) -> tuple[int | None, int | None]:
    """(sample rate in Hz, channels) within the limits; (None, None) without sound."""
    try:
        context = audio_stream(container).codec_context
    except UnsupportedMedia:
        return None, None
    if not context.sample_rate or not context.channels:
        raise DamagedMedia("The file is cut off or damaged: its sound has no rate or no channel.")
    low, high = limits.MIN_SAMPLE_RATE_HZ, limits.MAX_SAMPLE_RATE_HZ
    if not low <= context.sample_rate <= high:
        raise UnsupportedMedia(
            f"The sample rate is {context.sample_rate} Hz; {low} to {high} Hz are possible."
        )
    if context.channels > limits.MAX_CHANNELS:
        raise MediaTooLarge(f"The sound has {context.channels} channels; the limit is {limits.MAX_CHANNELS}.")
    return context.sample_rate, context.channels
