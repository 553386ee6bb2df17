"""Small files for tests: a song with a kick on every half second, and a picture of one pixel."""

from __future__ import annotations

import io
import struct
import wave
import zlib

import numpy as np


def kick_wav(seconds: float = 2.0, *, sample_rate_hz: int = 22_050, channels: int = 1) -> bytes:
    """Deterministic: a decaying 60 Hz tone from every half second on."""
    time = np.arange(max(1, round(seconds * sample_rate_hz))) / sample_rate_hz
    since_kick = time % 0.5
    tone = 0.8 * np.sin(2 * np.pi * 60 * since_kick) * np.exp(-9 * since_kick)
    samples = np.repeat((tone * 32767).astype("<i2")[:, None], channels, axis=1)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(sample_rate_hz)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def ten_hours_in_the_header() -> bytes:
    """A second of sound that claims to be ten hours."""
    song = bytearray(kick_wav(1.0, sample_rate_hz=8_000))
    data_bytes = 10 * 3600 * 8_000 * 2
    song[4:8] = struct.pack("<I", data_bytes + 36)
    song[40:44] = struct.pack("<I", data_bytes)
    return bytes(song)


def pixel_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    row = b"\0\xff\x80\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
