"""What was made of a mix. Light: imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Separated:
    """Seconds of sound and of work, Hz, channels of each stem, bytes of all four files, windows worked
    through."""

    duration: float
    sample_rate: int
    channels: int
    size: int
    windows: int
    seconds: float
