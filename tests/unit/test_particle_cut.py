"""Which part of a film may be asked for."""

from __future__ import annotations

import math
from uuid import uuid4

import pytest

from db.assets import Asset
from domain.errors import InvalidInput
from domain.particles.cut import film_cut, film_seconds
from render.particles.config import ParticleConfig


def song(seconds: float) -> Asset:
    return Asset(id=uuid4(), kind="AUDIO", duration=seconds)


def test_a_film_is_as_long_as_said_else_as_its_audio_else_ten_seconds() -> None:
    assert film_seconds(ParticleConfig(duration=4.0), song(60)) == 4.0
    assert film_seconds(ParticleConfig(), song(61.5)) == 61.5
    assert film_seconds(ParticleConfig(), None) == 10.0


def test_times_that_name_the_whole_film_are_the_whole_film() -> None:
    config = ParticleConfig(duration=4.0)
    assert film_cut(config, None, 0.0, 4.0) == film_cut(config, None, None, None)


def test_a_part_keeps_its_times() -> None:
    cut = film_cut(ParticleConfig(duration=4.0), None, 1.0, 2.5)
    assert (cut.start, cut.end, cut.seconds) == (1.0, 2.5, 1.5)


@pytest.mark.parametrize(
    ("start", "end", "field", "says"),
    [
        (-1.0, None, "start_time", "start_time must be 0 to 4 s, got -1"),
        (None, 4.5, "end_time", "end_time must be 0 to 4 s, got 4.5"),
        (math.nan, None, "start_time", "got nan"),
        (None, math.inf, "end_time", "got inf"),
        (3.0, 2.0, "end_time", "the part from 3 to 2 s has no length"),
        (4.0, None, "start_time", "the part from 4 to 4 s has no length"),
        (None, 0.0, "end_time", "has no length"),
    ],
)
def test_times_outside_the_film_are_refused(
    start: float | None, end: float | None, field: str, says: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        film_cut(ParticleConfig(duration=4.0), None, start, end)
    assert refused.value.field == field
    assert says in refused.value.message


def test_a_film_as_long_as_a_very_long_song_is_refused_but_a_part_of_it_is_not() -> None:
    with pytest.raises(InvalidInput, match="at most 3600 s"):
        film_cut(ParticleConfig(), song(7200), None, None)
    assert film_cut(ParticleConfig(), song(7200), 3600, 7200).seconds == 3600
