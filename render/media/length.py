"""How long media really is. Sound is counted, because headers lie and estimates drift.

Where the container states the length to the sample (WAV, AIFF, FLAC, MP4), what is in it must bear that out.
Compressed sound is decoded to the last sample up to `DECODED_SECONDS` (half a second of work for a song);
beyond, its packets decide, which is right to a few hundredths of a second. The same file always has the same
length.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from render import limits
from render.errors import DamagedMedia, MediaTooLarge
from render.media.container import audio_stream as pick_audio
from render.media.container import open_media
from render.media.decoding import decoded_frames

DECODED_SECONDS = 15 * 60.0
_SLACK_SECONDS, _SLACK_SHARE = 0.25, 0.01
_EXACT_FORMATS = ("wav", "aiff", "flac", "mov")
_UNKNOWN_SIZES = 0x7FFF_0000  # what WAV writers that cannot seek put as the size is 0 or beyond this


def audio_seconds(path: str) -> float:
    """Seconds of the first audio stream.

    Raises DamagedMedia when there is no sample, or far less sound than the header promises; MediaTooLarge
    beyond `limits.MAX_AUDIO_SECONDS`, without reading on.
    """
    with open_media(path) as container:
        stream = pick_audio(container)
        promised = _promised_seconds(path, container, stream)
        seconds = _packet_seconds(container, stream)
        is_plain = stream.codec_context.codec.name.startswith(("pcm_", "flac"))
    if promised is None or not is_plain:
        decoded = _decoded_seconds(path)
        seconds = seconds if decoded is None else decoded
    if seconds <= 0:
        raise DamagedMedia("The file holds no sound that can be decoded.")
    if promised is None:
        return seconds
    if promised - seconds > _SLACK_SECONDS + _SLACK_SHARE * promised:
        raise DamagedMedia(
            f"The file is cut off: its header promises {promised:.1f} s, it holds {seconds:.1f} s."
        )
    return promised if abs(seconds - promised) < _SLACK_SECONDS else seconds


def video_seconds(path: str, container: InputContainer, stream: VideoStream) -> float:
    """Seconds of the film: the header's word where its index lies inside the file, else the time stamps'.

    Raises DamagedMedia when the index points behind the end of the file.
    """
    size = Path(path).stat().st_size
    if len(stream.index_entries) and stream.index_entries[-1].pos >= size:
        raise DamagedMedia("The file is cut off: its index points behind its end.")
    if container.duration is not None and container.duration > 0:
        return container.duration / av.time_base
    seconds = 0.0
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.pts is not None and packet.time_base is not None:
                seconds = max(seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return seconds


def _promised_seconds(path: str, container: InputContainer, stream: AudioStream) -> float | None:
    """What the header says, in formats where it is no estimate."""
    if container.format.name not in _EXACT_FORMATS:
        return None
    if container.format.name == "wav":
        return _riff_seconds(path)
    if not stream.duration or stream.duration < 0 or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _riff_seconds(path: str) -> float | None:
    """The data chunk's size over the byte rate; the demuxer itself would silently shorten it to the file.

    None for RF64, for compressed samples and for the sizes of writers that could not seek.
    """
    with Path(path).open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        file.seek(12)
        bytes_per_second = 0
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                is_known = bytes_per_second and 0 < size < _UNKNOWN_SIZES
                return size / bytes_per_second if is_known else None
            start = file.tell()
            if head[:4] == b"fmt ":
                body = file.read(12)
                is_pcm = int.from_bytes(body[:2], "little") in (1, 3, 0xFFFE)
                bytes_per_second = int.from_bytes(body[8:12], "little") if is_pcm else 0
            file.seek(start + size + size % 2)
    return None


def _packet_seconds(container: InputContainer, stream: AudioStream) -> float:
    """The sum of the packets' durations; a file that is cut ends early."""
    if stream.time_base is None:
        return 0.0
    ticks, limit = 0, limits.MAX_AUDIO_SECONDS / stream.time_base
    first, furthest = None, 0
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            ticks += packet.duration or 0
            if packet.pts is not None:
                first = packet.pts if first is None else first
                furthest = max(furthest, packet.pts - first + (packet.duration or 0))
            if max(ticks, furthest) > limit:
                hours = limits.MAX_AUDIO_SECONDS / 3600
                raise MediaTooLarge(f"The audio is longer than {hours:g} hours, which is the limit.")
    return float((ticks or furthest) * stream.time_base)


def _decoded_seconds(path: str) -> float | None:
    """The decoded samples over their rate; None where there are more than `DECODED_SECONDS` of them."""
    samples, rate_hz = 0, 0
    with open_media(path) as container:
        for frame in decoded_frames(container):
            samples += frame.samples
            rate_hz = rate_hz or frame.sample_rate
            if samples > DECODED_SECONDS * rate_hz:
                return None
    return samples / rate_hz if rate_hz else 0.0
