"""Every genre at length: tempo and key as heard, loudness, balance, contrast, and that no two sound alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from render.audio.features import analyse
from render.music import files, keys
from render.music.catalogue import GENRES
from render.music.piece import Piece
from render.music.synth import master
from render.music.synth.clock import SAMPLE_RATE_HZ
from tests.render.music_pieces import alikeness, key_of, level_db, octave_levels, piece

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("waiting")]

SECONDS = 30.0
BEATLESS = {"ambient"}
FREE = {"cinematic"}  # drums, but no steady pulse that a tracker of dance music must find


@pytest.fixture(scope="module", params=GENRES)
def made(request: pytest.FixtureRequest) -> Piece:
    return piece(request.param, SECONDS)


def test_loudness_peaks_dc_width_and_stems(made: Piece) -> None:
    assert master.loudness_lufs(made.mix) == pytest.approx(-14.0, abs=0.5)
    assert 20.0 * np.log10(master.true_peaks(made.mix).max()) < -1.0
    assert np.abs(made.mix.mean(axis=0)).max() < 1e-4
    assert 0.1 < alikeness(made.mix) < 0.99
    total = np.sum([stem.astype(np.float64) for stem in made.stems.values()], axis=0)
    assert level_db(total - made.mix) < level_db(made.mix) - 100.0


@pytest.mark.parametrize("made", [name for name in GENRES if name not in BEATLESS | FREE], indirect=True)
def test_our_own_beat_tracker_finds_the_tempo(made: Piece, tmp_path: Path) -> None:
    """Within 0.5 %, or double or half of it, which a curve of onsets alone cannot decide."""
    files.write_wave(tmp_path / "mix.wav", made.mix)
    beats = analyse(tmp_path / "mix.wav", lambda part: None).beats
    period = np.polyfit(np.arange(len(beats)), beats, 1)[0]
    ratios = 60.0 / period / made.parameters.bpm / np.array([0.5, 1.0, 2.0])
    assert np.abs(ratios - 1.0).min() < 0.005


def test_the_key_is_heard(made: Piece) -> None:
    key = keys.parse(made.parameters.key)
    assert key is not None
    assert key_of(made.mix) == (key.tonic, key.is_minor)


def test_the_spectrum_falls_as_music_does(made: Piece) -> None:
    """Between 62 Hz and 8 kHz it falls by one to six decibels an octave, and no octave stands out by far."""
    levels = octave_levels(made.mix)
    slope, start = np.polyfit(np.arange(8), levels, 1)
    assert -6.0 < slope < -1.0
    assert np.abs(levels - (start + slope * np.arange(8))).max() < 11.0


def test_a_drop_stands_out(made: Piece) -> None:
    levels = section_levels(made)
    assert levels["drop"] > levels["intro"] + 2.5
    assert levels["drop"] > levels.get("break", -60.0) + 1.5
    assert levels["drop"] > levels["outro"] + 1.5


def section_levels(made: Piece) -> dict[str, float]:
    """The loudest section of each kind."""
    bar = made.score.clock.bar_seconds * SAMPLE_RATE_HZ
    levels: dict[str, float] = {}
    for section in made.score.sections:
        sound = made.mix[round(section.first_bar * bar) : round(section.end_bar * bar)]
        levels[section.kind] = max(levels.get(section.kind, -99.0), level_db(sound))
    return levels


def test_genres_can_be_told_apart() -> None:
    """A piece of another seed, so of another key and tempo, is nearest to its own genre among all."""
    known = {genre: portrait(piece(genre, SECONDS)) for genre in GENRES}
    for genre in GENRES:
        heard = portrait(piece(genre, SECONDS, seed=8))
        nearest = min(known, key=lambda name: float(np.linalg.norm(np.subtract(heard, known[name]))))
        assert nearest == genre


def portrait(made: Piece) -> tuple[float, ...]:
    """What tells genres apart: tempo, swing, balance of octaves and stems, strokes a second, the groove."""
    stems = [level_db(stem) - level_db(made.mix) for stem in made.stems.values()]
    strokes = len(made.score.drums) / SECONDS
    octaves = octave_levels(made.mix)
    swing = 20.0 * made.score.clock.swing
    balance = (*(octaves - octaves.mean()), *stems)
    return (made.parameters.bpm / 8.0, swing, *balance, strokes, *groove(made))


def groove(made: Piece) -> list[float]:
    """How often the kick, the backbeat and the cymbals fall on each sixteenth of a bar of a drop, times 2."""
    counts = np.zeros((3, 16))
    lanes = {"kick": 0, "snare": 1, "clap": 1, "rim": 1, "hat": 2, "ride": 2, "open": 2, "shaker": 2}
    beats = made.score.clock.beats_a_bar
    full = [section for section in made.score.sections if section.is_full]
    bars = {bar for section in full for bar in range(section.first_bar, section.end_bar)}
    for hit in made.score.drums:
        if hit.lane in lanes and int(hit.start // beats) in bars:
            counts[lanes[hit.lane], int(hit.start % beats * 4.0)] += 1.0
    return list((2.0 * np.minimum(1.0, counts / len(bars))).ravel())
