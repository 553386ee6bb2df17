"""The one door through which media is opened.

The content decides (`sniff`), and only the demuxer that belongs to it is opened: `format=` and
`format_whitelist` name it, `protocol_whitelist` allows local files alone, the path is absolute behind
`file:` (so that "a:b.wav" is no protocol), and no name or extension is ever looked at. Only codecs of
`CODECS` are decoded. Image sizes are judged from their headers before a decoder runs.

Raises UnsupportedMedia (not a known format, no such stream, foreign codec), DamagedMedia (known, but
empty, cut or broken) and MediaTooLarge (a limit of `render.limits`, which the sentence names).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.container
import av.error

from render import limits
from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from render.media.image_header import image_size
from render.media.magic import KNOWN, MediaFormat, sniff

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["CODECS", "MediaFormat", "audio_stream", "open_media", "recognise", "sniff", "video_stream"]

_AUDIO_NAMES = """
    aac alac flac mp3 mp3float mp2 mp2float mp1 mp1float opus libopus vorbis libvorbis pcm_alaw
    pcm_mulaw pcm_u8 pcm_s8 pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be
    pcm_f32le pcm_f32be pcm_f64le pcm_f64be adpcm_ms adpcm_ima_wav adpcm_ima_qt ac3 eac3
"""
_VIDEO_NAMES = """
    h264 hevc vp8 vp9 libvpx libvpx-vp9 av1 libdav1d mpeg4 mpeg2video mpeg1video prores mjpeg
    theora png webp dvvideo h263 ffv1
"""
AUDIO_CODECS = frozenset(_AUDIO_NAMES.split())
VIDEO_CODECS = frozenset(_VIDEO_NAMES.split())
CODECS = AUDIO_CODECS | VIDEO_CODECS
_MAX_VIDEO_PIXELS = limits.MAX_SIDE * limits.MAX_SIDE


def recognise(path: str | Path) -> MediaFormat:
    """`sniff`, with a sentence for what is empty or unknown."""
    if Path(path).stat().st_size == 0:
        raise DamagedMedia("The file is empty.")
    found = sniff(path)
    if found is None:
        raise UnsupportedMedia(f"The content is none of the supported formats ({KNOWN}).")
    return found


def open_media(path: str | Path) -> InputContainer:
    """An open PyAV container for reading; close it (it is a context manager)."""
    found = recognise(path)
    max_pixels = _MAX_VIDEO_PIXELS
    if found.kind == "IMAGE":
        _refuse_image_bomb(path, found)
        max_pixels = limits.MAX_IMAGE_PIXELS
    options = {
        "format_whitelist": found.demuxer,
        "protocol_whitelist": "file",
        "codec_whitelist": ",".join(sorted(CODECS)),
        "max_streams": str(2 * limits.MAX_STREAMS),
        "max_pixels": str(max_pixels),
    }
    try:
        container = av.open(
            f"file:{Path(path).absolute()}",
            format=found.demuxer,
            options=options,
            metadata_errors="replace",
        )
    except MemoryError as error:
        raise MediaTooLarge(f"Opening the {found.name} file takes more memory than is allowed.") from error
    except (av.error.FFmpegError, ValueError) as error:
        raise DamagedMedia(f"The {found.name} file is cut off or damaged and cannot be opened.") from error
    try:
        _check_streams(container, found)
    except BaseException:
        container.close()
        raise
    return container


def audio_stream(container: InputContainer) -> AudioStream:
    """The first audio stream that can be decoded. Raises UnsupportedMedia when there is none."""
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.codec.name in AUDIO_CODECS:
            stream.codec_context.thread_count = 1
            return stream
    raise UnsupportedMedia("The file has no audio stream of a supported codec.")


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first moving (or, in an image, still) picture; cover art of a song is none. None without one."""
    for stream in container.streams.video:
        if stream.codec_context is None or stream.codec_context.codec.name not in VIDEO_CODECS:
            continue
        if stream.disposition & av.stream.Disposition.attached_pic:
            continue
        return stream
    return None


def _refuse_image_bomb(path: str | Path, found: MediaFormat) -> None:
    width, height = image_size(path, found)
    if width * height > limits.MAX_IMAGE_PIXELS:
        limit = limits.MAX_IMAGE_PIXELS // 1_000_000
        raise MediaTooLarge(f"The image has {width} x {height} pixels; the limit is {limit} million.")


def _check_streams(container: InputContainer, found: MediaFormat) -> None:
    count = len(container.streams)
    if count > limits.MAX_STREAMS:
        raise MediaTooLarge(f"The file has {count} streams; the limit is {limits.MAX_STREAMS}.")
    if count == 0:
        raise DamagedMedia(f"The {found.name} file holds no stream.")
