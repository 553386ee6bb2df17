"""Sound as a stream of samples, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from render import limits
from render.audio.frames import Frames, decoded, gathered, resampled
from render.errors import DamagedMedia, MediaTooLarge
from render.media.container import audio_stream, open_media

Block = NDArray[np.float32]
_USUAL_LAYOUTS = ("", "mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # FLAC's, by their number
LOW_FREQUENCIES = frozenset({"LFE", "LFE2"})
_GATHERED = 65_536  # samples
_TOO_MANY_PLANES = 8  # PyAV reads on behind the eighth one


@dataclass(frozen=True)
class Channels:
    """What was decoded, as it is stored: `sound` (channels, n) float32, about -1..1, finite.

    `names` are FFmpeg's of each channel, such as FL, FR, FC, LFE, SL, SR.
    """

    sound: Block
    names: tuple[str, ...]
    sample_rate_hz: int


@dataclass(frozen=True)
class SoundShape:
    """The first audio stream of a file: its rate, its layout and each channel's name (`FL`) as FFmpeg has
    them, and how long its header says it is, 0 where it does not.

    Channels that the file leaves unnamed (`is_named` is False) are taken for the usual layout of so many.
    """

    rate_hz: int
    layout: str
    channels: tuple[str, ...]
    seconds: float
    is_named: bool = True


def sound_shape(path: str | Path) -> SoundShape:
    """Raises UnsupportedMedia (no audio), DamagedMedia (an audio stream without rate or channels) and
    MediaTooLarge (too many channels)."""
    with open_media(path) as container:
        stream = audio_stream(container)
        context = stream.codec_context
        if not context.sample_rate or not context.channels:
            raise DamagedMedia("The file is cut off or damaged: its sound has no rate or no channel.")
        if context.channels > limits.MAX_CHANNELS:
            raise MediaTooLarge(
                f"The sound has {context.channels} channels; the limit is {limits.MAX_CHANNELS}."
            )
        layout, is_named = context.layout, True
        if any(channel.name == "NONE" for channel in layout.channels):
            layout, is_named = av.AudioLayout(_USUAL_LAYOUTS[context.channels]), False
        names = tuple(channel.name for channel in layout.channels)
        length = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        seconds = length or (container.duration or 0) / 1_000_000
        return SoundShape(context.sample_rate, layout.name, names, seconds, is_named)


def channel_blocks(path: str | Path, shape: SoundShape) -> Iterator[Block]:
    """The first audio stream as blocks of float32 (samples, channels), about -1..1, finite.

    `shape` is the file's; what is stored otherwise further on is brought to it. Raises as `mono_blocks`, and
    DamagedMedia for other channels further on where they have no names to mix them by.
    """
    channels = len(shape.channels)

    def resampler() -> av.AudioResampler:
        # Packed: taking unnamed channels out of their planes is more than PyAV can (it crashes).
        layout = shape.layout if shape.is_named else None
        return av.AudioResampler(format="flt", layout=layout, rate=shape.rate_hz)

    with open_media(path) as container:
        frames = decoded(container, audio_stream(container))
        if not shape.is_named:
            frames = _of_channels(frames, channels)
        for block in _checked(resampled(frames, resampler), shape.rate_hz * channels):
            if len(block) % channels:  # the one sample of a track that is too short for its new rate
                block = np.zeros(channels, np.float32)
            yield block.reshape(-1, channels)


def mono_blocks(path: str | Path, sample_rate_hz: int) -> Iterator[Block]:
    """The first audio stream as blocks of mono float32 at `sample_rate_hz`, about -1..1, finite.

    Damaged packets are skipped. Raises UnsupportedMedia (no audio, or a rate that is out of the limits),
    DamagedMedia (nothing of it can be decoded) and MediaTooLarge (longer than two hours, whatever its header
    says).
    """
    with open_media(path) as container:
        frames = decoded(container, audio_stream(container))
        yield from _mono(frames, sample_rate_hz)


def heard_blocks(
    path: str | Path, sample_rate_hz: int, on_channels: Callable[[Channels], None]
) -> Iterator[Block]:
    """As `mono_blocks`, in larger blocks; `on_channels` is shown all channels as they are stored, before they
    are mixed: whoever needs both decodes once. What is mixed is their mean, without low-frequency effects."""
    with open_media(path) as container:
        frames = decoded(container, audio_stream(container))
        yield from _mono(_mixed(gathered(frames, _GATHERED), on_channels), sample_rate_hz)


def _mono(frames: Frames, sample_rate_hz: int) -> Iterator[Block]:
    def resampler() -> av.AudioResampler:
        return av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)

    return _checked(resampled(frames, resampler), sample_rate_hz)


def _checked(frames: Frames, sample_rate_hz: int) -> Iterator[Block]:
    """Samples of packed float32 frames, of all channels; `sample_rate_hz` of them are a second."""
    limit = int(limits.MAX_AUDIO_SECONDS * sample_rate_hz)
    count = 0
    for frame in frames:
        values = frame.samples * frame.layout.nb_channels
        block = _finite(np.frombuffer(memoryview(frame.planes[0]), np.float32, values))
        count += len(block)
        if count > limit + sample_rate_hz:
            raise MediaTooLarge(f"The audio is longer than {limits.MAX_AUDIO_SECONDS / 3600:g} hours.")
        if len(block):
            yield block
    if count == 0:
        raise DamagedMedia("No sound could be decoded from the file.")


def _finite(samples: NDArray[Any]) -> Block:
    values = samples.astype(np.float32, copy=False)
    flat = values.reshape(-1)
    if np.isfinite(np.dot(flat, flat)) or np.isfinite(values).all():  # the first is quick, and enough
        return values
    return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0)


def _of_channels(frames: Frames, channels: int) -> Frames:
    for frame in frames:
        if frame.layout.nb_channels != channels:
            raise DamagedMedia(
                f"The sound has {channels} channels without names, and {frame.layout.nb_channels} further on."
            )
        yield frame


def _channels(frame: av.AudioFrame) -> Channels:
    """Whole numbers become fractions of full scale."""
    names = tuple(channel.name for channel in frame.layout.channels)
    if frame.format.is_planar and len(names) >= _TOO_MANY_PLANES:
        frame = _packed(frame)
    sound: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        sound = sound.reshape(-1, len(names)).T
    if sound.dtype == np.uint8:
        sound = (sound.astype(np.float32) - 128.0) / 128.0
    elif sound.dtype.kind == "i":
        sound = sound.astype(np.float32) / 2.0 ** (8 * sound.dtype.itemsize - 1)
    return Channels(_finite(np.ascontiguousarray(sound)), names, frame.sample_rate)


def _mean(block: Channels) -> Block:
    heard = [
        channel for channel, name in zip(block.sound, block.names, strict=True) if name not in LOW_FREQUENCIES
    ]
    mono: Block = (heard or block.sound)[0]
    for channel in heard[1:]:
        mono = np.add(mono, channel)
    return mono if len(heard) < 2 else np.multiply(mono, np.float32(1.0 / len(heard)))


def _packed(frame: av.AudioFrame) -> av.AudioFrame:
    resampler = av.AudioResampler(format=frame.format.packed, frame_size=frame.samples)
    (packed,) = [*resampler.resample(frame), *resampler.resample(None)]
    return packed


def _mixed(frames: Frames, on_channels: Callable[[Channels], None]) -> Frames:
    for stored in frames:
        block = _channels(stored)
        on_channels(block)
        mono = _mean(block)
        frame = av.AudioFrame.from_ndarray(mono[None, :], format="fltp", layout="mono")
        frame.sample_rate = block.sample_rate_hz
        yield frame
