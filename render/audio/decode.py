"""Sound as a stream of samples, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from render import limits
from render.errors import DamagedMedia, MediaTooLarge
from render.media.container import audio_stream, open_media

Block = NDArray[np.float32]
_USUAL_LAYOUTS = ("", "mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # FLAC's, by their number
LOW_FREQUENCIES = frozenset({"LFE", "LFE2"})
_GATHERED = 32_768  # samples


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

    `shape` is the file's; another rate in it resamples the sound. Raises as `mono_blocks`.
    """
    layout, channels = shape.layout if shape.is_named else None, len(shape.channels)
    # Packed: taking unnamed channels out of their planes is more than PyAV can (it crashes).
    resampler = av.AudioResampler(format="flt", layout=layout, rate=shape.rate_hz)
    with open_media(path) as container:
        decoded = _decoded(container, audio_stream(container))
        for block in _checked(_frames(decoded, resampler), shape.rate_hz * channels):
            if len(block) % channels:  # the one sample of a track that is too short for its new rate
                block = np.zeros(channels, np.float32)
            yield block.reshape(-1, channels)


def mono_blocks(path: str | Path, sample_rate_hz: int) -> Iterator[Block]:
    """The first audio stream as blocks of mono float32 at `sample_rate_hz`, about -1..1, finite.

    Damaged packets are skipped. Raises UnsupportedMedia (no audio), DamagedMedia (nothing of it can be
    decoded) and MediaTooLarge (longer than two hours, whatever its header says).
    """
    with open_media(path) as container:
        decoded = _decoded(container, audio_stream(container))
        yield from _checked(_frames(decoded, _resampler(sample_rate_hz)), sample_rate_hz)


def heard_blocks(
    path: str | Path, sample_rate_hz: int, on_channels: Callable[[Channels], None]
) -> Iterator[Block]:
    """As `mono_blocks`, in larger blocks; `on_channels` is shown all channels as they are stored, before they
    are mixed: whoever needs both decodes once. What is mixed is their mean, without low-frequency effects."""
    with open_media(path) as container:
        decoded = _decoded(container, audio_stream(container))
        mixed = _mixed(_gathered(decoded), on_channels)
        yield from _checked(_frames(mixed, _resampler(sample_rate_hz)), sample_rate_hz)


def _resampler(sample_rate_hz: int) -> av.AudioResampler:
    return av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)


def _checked(frames: Iterator[av.AudioFrame], sample_rate_hz: int) -> Iterator[Block]:
    """Packed samples, of all channels; `sample_rate_hz` is how many of them are a second."""
    limit = int(limits.MAX_AUDIO_SECONDS * sample_rate_hz)
    count = 0
    for frame in frames:
        block = _finite(frame.to_ndarray().reshape(-1))
        count += len(block)
        if count > limit + sample_rate_hz:
            raise MediaTooLarge(f"The audio is longer than {limits.MAX_AUDIO_SECONDS / 3600:g} hours.")
        if len(block):
            yield block
    if count == 0:
        raise DamagedMedia("No sound could be decoded from the file.")


def _finite(samples: NDArray[Any]) -> Block:
    values = samples.astype(np.float32, copy=False)
    if np.isfinite(values).all():
        return values
    return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0)


def _decoded(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Frames as they are stored. What cannot be demuxed ends them, what cannot be decoded is skipped."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError:
            break
        try:
            decoded = stream.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in decoded:
            # Broken timestamps would make a resampler pad or refuse; the samples' order is time enough.
            frame.pts = None
            yield frame


def _frames(decoded: Iterator[av.AudioFrame], resampler: av.AudioResampler) -> Iterator[av.AudioFrame]:
    """Resampled frames. A track of a sample or two, of which no sample at the new rate is left, is one sample
    of silence."""
    taken = given = 0
    for frame in decoded:
        taken += frame.samples
        for resampled in resampler.resample(frame):
            given += resampled.samples
            yield resampled
    for resampled in resampler.resample(None):
        given += resampled.samples
        yield resampled
    if taken and not given:
        yield av.AudioFrame.from_ndarray(np.zeros((1, 1), np.float32), format="flt", layout="mono")


def _gathered(frames: Iterator[av.AudioFrame]) -> Iterator[Channels]:
    """Some seconds at a time: small frames cost more to handle than to decode."""
    held: list[NDArray[Any]] = []
    count, shape = 0, None
    for frame in frames:
        if not frame.samples:
            continue
        found = (tuple(channel.name for channel in frame.layout.channels), frame.sample_rate)
        if held and (found != shape or count >= _GATHERED):
            yield _channels(held, *(shape or found))
            held, count = [], 0
        shape = found
        held.append(_stored(frame, len(found[0])))
        count += frame.samples
    if held and shape is not None:
        yield _channels(held, *shape)


def _stored(frame: av.AudioFrame, channels: int) -> NDArray[Any]:
    """(channels, n), of whatever type."""
    stored: NDArray[Any] = frame.to_ndarray()
    return stored if frame.format.is_planar else stored.reshape(-1, channels).T


def _channels(held: list[NDArray[Any]], names: tuple[str, ...], sample_rate_hz: int) -> Channels:
    """Whole numbers become fractions of full scale."""
    sound = np.concatenate(held, axis=1)
    if sound.dtype == np.uint8:
        sound = (sound.astype(np.float32) - 128.0) / 128.0
    elif sound.dtype.kind == "i":
        sound = sound.astype(np.float32) / 2.0 ** (8 * sound.dtype.itemsize - 1)
    return Channels(np.ascontiguousarray(_finite(sound)), names, sample_rate_hz)


def _mixed(blocks: Iterator[Channels], on_channels: Callable[[Channels], None]) -> Iterator[av.AudioFrame]:
    for block in blocks:
        on_channels(block)
        heard = [number for number, name in enumerate(block.names) if name not in LOW_FREQUENCIES]
        mono = block.sound[heard or [0]].mean(axis=0, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(mono[None, :], format="fltp", layout="mono")
        frame.sample_rate = block.sample_rate_hz
        yield frame
