"""What goes into a mix and what came of it. Light: imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A file with sound in it and the factor of its amplitude; a negative one takes the sound away."""

    path: str
    gain: float


@dataclass(frozen=True)
class Mixed:
    """Seconds of sound and of work, Hz, channels (1 or 2), bytes of the file.

    `gain_db` is what the sum was turned down by to fit: 0 or below. Loudness (BS.1770) and true peak are the
    file's, None for silence.
    """

    duration: float
    sample_rate: int
    channels: int
    size: int
    gain_db: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    seconds: float
