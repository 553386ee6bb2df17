"""What was made of a mix. Light: imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Separated:
    """Seconds of sound and of work, Hz, channels of each stem, bytes of all four files, windows worked
    through. `facts` are added to the job's result, as JSON: what a model tells of itself."""

    duration: float
    sample_rate: int
    channels: int
    size: int
    windows: int
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)
