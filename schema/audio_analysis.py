"""What a track is as music."""

from collections.abc import Callable
from typing import Self

import strawberry

from db.audio_analyses import AudioAnalysis as Row
from schema.columns import Columns
from schema.lookahead import Wanted

_NUMBERS = ("duration", "bpm", "bpm_confidence", "key", "key_confidence", "loudness_lufs", "true_peak_dbtp")
_LISTS = ("bpm_candidates", "beats", "downbeats", "energy")


def _fact(name: str) -> Callable[[Row], object]:
    return lambda row: row.facts[name]


_COLUMNS: Columns = {name: _fact(name) for name in (*_NUMBERS, *_LISTS)}


@strawberry.type(description="What is heard in a track. What it has not is null or empty, never a guess.")
class AudioAnalysis:
    duration: float = strawberry.field(description="Seconds.")
    bpm: float | None = strawberry.field(
        description="Beats a minute, not rounded. Null where there is no beat: silence, noise, one sound."
    )
    bpm_confidence: float = strawberry.field(description="0 to 1.")
    bpm_candidates: list[float] = strawberry.field(
        description="Tempi that it may be counted in as well, the best first."
    )
    key: str | None = strawberry.field(
        description="Such as `A minor`, `F# major` or `Eb major`. Null where there is none."
    )
    key_confidence: float = strawberry.field(description="0 to 1.")
    loudness_lufs: float | None = strawberry.field(
        description="Integrated, by BS.1770-4. Null for what is never above -70 LUFS."
    )
    true_peak_dbtp: float | None = strawberry.field(description="By BS.1770-4. Null for digital silence.")
    beats: list[float] = strawberry.field(description="Seconds.")
    downbeats: list[float] = strawberry.field(
        description="Those of the beats that begin a bar, in seconds; empty where the beats are all alike."
    )
    energy: list[float] = strawberry.field(description="One value of 0 to 1 a beat; 1 is the loudest.")

    @classmethod
    def maker(cls, wanted: Wanted) -> Callable[[Row], Self]:
        return wanted.maker(cls, _COLUMNS)
