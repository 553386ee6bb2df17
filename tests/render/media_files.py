"""Real media for the tests, made by the encoders themselves."""

from __future__ import annotations

import struct
import wave
import zlib
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def tone(seconds: float, rate_hz: int = 44_100, channels: int = 2, hz: float = 440.0) -> np.ndarray:
    """float32 (channels, samples), amplitude 0.25."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile((0.25 * np.sin(2 * np.pi * hz * time)).astype(np.float32), (channels, 1))


def write_wav(path: Path, samples: np.ndarray, rate_hz: int = 44_100) -> Path:
    """16 bit PCM from float (channels, n)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples.T * 32767).round().astype("<i2").tobytes())
    return path


def write_sound(
    path: Path, samples: np.ndarray, rate_hz: int = 44_100, *, codec: str, muxer: str, layout: str = "stereo"
) -> Path:
    """Encode float (channels, n) by any encoder of the wheel."""
    with av.open(str(path), "w", format=muxer) as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=rate_hz, layout=layout))
        context = stream.codec_context
        context.open()
        size = context.frame_size or 1024
        shaper = AudioResampler(format=context.format, layout=layout, rate=rate_hz, frame_size=size)
        # Packed: PyAV cannot take eight channels apart.
        packed = np.ascontiguousarray(samples.T, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = rate_hz
        frame.pts = 0
        for shaped in [*shaper.resample(frame), *shaper.resample(None)]:
            container.mux(stream.encode(shaped))
        container.mux(stream.encode(None))
    return path


def write_video(
    path: Path,
    *,
    size: tuple[int, int] = (64, 36),
    count: int = 10,
    fps: int = 10,
    codec: str = "libx264",
    muxer: str = "mp4",
    container_options: dict[str, str] | None = None,
    gop: int = 12,
) -> Path:
    """A grey ramp in time: frame n has luma 40 + 10 n."""
    with av.open(str(path), "w", format=muxer, container_options=container_options) as container:
        added = container.add_stream(codec, rate=fps, width=size[0], height=size[1])
        stream = cast(VideoStream, added)
        stream.codec_context.gop_size = gop
        for number in range(count):
            frame = VideoFrame(*size, "yuv420p")
            for plane, value in zip(frame.planes, (40 + 10 * number, 128, 128), strict=True):
                plane.update(bytes([value % 236]) * plane.buffer_size)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_image(path: Path, pixels: np.ndarray, codec: str) -> Path:
    """One still picture from uint8 (height, width, 3 or 4) RGB or RGBA; codec png, mjpeg or libwebp."""
    source = "rgba" if pixels.shape[2] == 4 else "rgb24"
    formats = {"png": source, "mjpeg": "yuvj420p", "libwebp": "bgra"}
    context = cast(VideoCodecContext, av.CodecContext.create(codec, "w"))
    context.width, context.height = pixels.shape[1], pixels.shape[0]
    context.pix_fmt = formats[codec]
    context.time_base = Fraction(1)
    context.color_range = 2
    frame = VideoFrame.from_ndarray(pixels, format=source).reformat(format=formats[codec], dst_color_range=2)
    frame.pts = 0
    packets = [*context.encode(frame), *context.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    return path


def png_bomb(width: int, height: int) -> bytes:
    """A valid PNG header of any size over almost no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
