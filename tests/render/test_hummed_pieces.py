"""A piece that follows a hum: contour, timing and key; whole, cut or repeated as the length has it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.hummed import TUNES
from render.audio.analysis import analyse
from render.audio.humming.facts import Hum, HummedNote
from render.music import files, keys
from render.music.catalogue import GENRES
from render.music.composing.score import Note, Score
from render.music.composing.whole import score_of
from render.music.following import tonality
from render.music.following.hummed import Wanted, parameters_of
from render.music.instruments import INSTRUMENTS
from render.music.parameters import InvalidParameter, MusicParameters
from render.music.piece import compose
from render.music.synth import master
from tests.render.hums import HARD, TONICS, heard, sung

CLEAR_KEYS = ("joy", "star", "jacques", "volga", "saints")  # "king" ends beside its tonic


def followed(hum: Hum, **wanted: object) -> tuple[MusicParameters, Score]:
    parameters = parameters_of(hum, Wanted(**{"seed": 4, **wanted}))  # type: ignore[arg-type]
    return parameters, score_of(parameters)


def stated(score: Score, count: int) -> list[Note]:
    """The notes of the first statement."""
    return score.melody[:count]


def contour(notes: list[Note], pitches: np.ndarray) -> float:
    return float(np.corrcoef([note.pitch for note in notes], pitches)[0, 1])


def off_seconds(score: Score, count: int, onsets: np.ndarray, stretch: float = 1.0) -> float:
    """How far an onset is from where the hum has it, both counted from their middle."""
    played = np.array([note.start for note in stated(score, count)]) * score.clock.beat_seconds
    wanted = onsets * stretch
    return float(np.abs((played - played.mean()) - (wanted - wanted.mean())).max())


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("bpm", [88.0, 104.0])
def test_contour_timing_and_tempo_are_those_of_the_hum(name: str, bpm: float) -> None:
    tune, hum = sung(name, bpm, HARD), heard(name, bpm, HARD)
    parameters, score = followed(hum, bpm=120)
    count = len(hum.notes)
    assert contour(stated(score, count), tune.pitches) >= 0.99
    assert off_seconds(score, count, tune.onsets) < 0.12
    assert min(abs(parameters.bpm / bpm - times) for times in (1.0, 2.0)) < 0.02
    assert score.clock.seconds(score.clock.beat(score.bars)) <= parameters.duration
    starts = [note.start for note in score.melody]
    assert all(one < two for one, two in pairwise(starts))


@pytest.mark.parametrize("name", CLEAR_KEYS)
def test_the_key_is_the_hums_own_and_the_notes_stay_in_it(name: str) -> None:
    parameters, score = followed(heard(name, 100.0, HARD))
    wanted = keys.spelled(TONICS[name], TUNES[name].mode)
    assert parameters.key == wanted.name
    scale = {(wanted.tonic + step) % 12 for step in wanted.scale}
    assert {note.pitch % 12 for note in score.melody} <= scale


def test_the_words_tempo_and_key_win_and_the_tune_is_brought_to_them() -> None:
    tune, hum = sung("star", 100.0, HARD), heard("star", 100.0, HARD)
    for wanted in ({"prompt": "rock, 90 bpm, in E major"}, {"bpm": 90, "key": "E major"}):
        parameters, score = followed(hum, **wanted)
        assert (parameters.bpm, parameters.key) == (90.0, "E major")
        assert contour(stated(score, 14), tune.pitches) == pytest.approx(1.0)
        assert off_seconds(score, 14, tune.onsets, 100.0 / 90.0) < 0.12
        assert score.melody[0].pitch % 12 == 4


def test_a_key_of_the_other_mode_keeps_the_contour() -> None:
    tune, hum = sung("joy", 100.0, HARD), heard("joy", 100.0, HARD)
    parameters, score = followed(hum, key="C minor")
    assert parameters.key == "C minor"
    assert contour(stated(score, 30), tune.pitches) > 0.9
    assert followed(hum, prompt="a minor song")[0].key.endswith("minor")


def test_a_tempo_near_the_default_is_the_default_and_a_genre_chooses_the_octave() -> None:
    assert followed(heard("star", 117.0), bpm=120)[0].bpm == 120.0
    assert followed(heard("star", 87.0), prompt="drum and bass", bpm=120)[0].bpm == pytest.approx(
        174.0, abs=1.0
    )
    assert followed(heard("star", 87.0), prompt="lofi hip hop", bpm=120)[0].bpm == pytest.approx(
        87.0, abs=0.5
    )


def test_a_hum_without_a_pulse_is_timed_as_it_was_hummed() -> None:
    random = np.random.default_rng(3)
    onsets = np.cumsum(random.lognormal(-0.7, 0.5, 18))
    notes = [
        HummedNote(float(on), 0.2, 60 + int(random.choice([0, 2, 4, 5, 7])), 0.0, 0.9, 0.9) for on in onsets
    ]
    parameters, score = followed(Hum(float(onsets[-1]) + 1.0, tuple(notes), 0.0, 0.0), bpm=110)
    assert parameters.bpm == 110.0
    assert off_seconds(score, 18, onsets) < 0.16


@pytest.mark.parametrize("seconds", [30.0, 90.0])
def test_a_drone_before_the_tune_does_no_harm(seconds: float) -> None:
    tune = heard("star", 100.0)
    after = [replace(note, onset=note.onset - tune.notes[0].onset + seconds) for note in tune.notes]
    drone = replace(tune.notes[0], onset=0.0, duration=seconds - 0.1)
    parameters = parameters_of(replace(tune, notes=(drone, *after)), Wanted("pop", bpm=120.0, seed=4))
    assert parameters.bpm == pytest.approx(100.0, abs=1.0)
    sixteenth = 60.0 / (parameters.bpm * 4)
    begins = np.array([note.step for note in parameters.tune]) * sixteenth
    bar = 16 * sixteenth
    assert begins[1] - begins[0] == pytest.approx(seconds, abs=bar / 2 + sixteenth)
    assert len(begins) == len(after) + 1
    played, hummed = begins[1:] - begins[1], np.array([note.onset for note in after]) - seconds
    assert np.abs(played - hummed).max() < 0.2


def test_a_piece_left_at_its_default_length_holds_all_of_the_hum() -> None:
    parameters, score = followed(heard("joy", 80.0), duration=15.0)
    assert parameters.duration == pytest.approx(25.0, abs=1.0)
    assert len(score.melody) == 30


def test_a_shorter_piece_is_cut_where_a_phrase_ends() -> None:
    parameters, score = followed(heard("joy", 100.0), duration=12.0)
    assert parameters.duration == 12.0
    assert len(score.melody) == 15  # the first half, to its long note
    assert score.melody[-1].pitch == score.melody[14].pitch


def test_a_longer_piece_states_the_tune_again_with_variations() -> None:
    tune, hum = sung("jacques", 120.0), heard("jacques", 120.0)
    _, score = followed(hum, prompt="pop", duration=60.0)
    assert contour(stated(score, 32), tune.pitches) == pytest.approx(1.0)
    kinds = [section.kind for section in score.sections]
    assert kinds[0] == "intro" and kinds.count("drop") >= 1 and len(kinds) >= 4
    bars = [section.first_bar for section in score.sections if section.kind not in ("intro", "outro")]
    beats = score.clock.beats_a_bar
    first, again = (
        [
            (round((note.start - bar * beats) * 4), note.pitch)
            for note in score.melody
            if bar * beats <= note.start < (bar + 8) * beats
        ]
        for bar in bars[:2]
    )
    assert first != again  # its long notes are answered
    assert len(set(first) & set(again)) > 0.8 * len(first)
    assert score.melody[-1].start < score.end_beat


def test_the_chords_fit_the_tune() -> None:
    ways = set()
    for name in CLEAR_KEYS:
        parameters, score = followed(heard(name, 100.0, HARD), prompt="pop")
        key = keys.parse(parameters.key)
        assert key is not None
        fitting = held = 0.0
        for note in score.melody:
            chord = score.chord_at(note.start / score.clock.beats_a_bar)
            held += note.length
            fitting += note.length * (note.pitch % 12 in chord.tones[:3])
        assert fitting > 0.7 * held
        assert score.harmony[-1].root == key.tonic
        ways.add(tuple(chord.degree for chord in score.harmony))
        assert len(set(score.harmony)) > 3
    assert len(ways) == len(CLEAR_KEYS)


def test_a_note_beside_the_scale_goes_to_its_neighbour_unless_it_is_meant() -> None:
    line = [
        (60, 0.0, 0.5),
        (64, 0.0, 0.5),
        (66, -40.0, 0.5),
        (67, 0.0, 1.0),
        (66, 0.0, 0.2),
        (65, 0.0, 0.5),
        (60, 0.0, 1.0),
    ]
    notes = [
        HummedNote(0.5 * n, length, pitch, cents, 0.9, 0.9) for n, (pitch, cents, length) in enumerate(line)
    ]
    key = keys.spelled(0, "major")
    assert tonality.in_key(notes, key, 0) == [60, 64, 65, 67, 66, 65, 60]


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_can_be_led(genre: str) -> None:
    hum = heard("star", 100.0)
    parameters, score = followed(hum, prompt=genre, duration=30.0)
    assert parameters.genre == genre
    assert INSTRUMENTS[parameters.melody or ""].longest >= 0.8
    for part in (score.bass, score.chords, score.colour, score.melody):
        for note in part:
            assert (
                note.start >= -1e-9
                and note.length > 0.0
                and 24 <= note.pitch <= 108
                and 0 < note.velocity <= 1
            )
    assert score.sections[0].first_bar == 0 and score.sections[-1].end_bar == score.bars
    assert all(one.end_bar == two.first_bar for one, two in pairwise(score.sections))
    assert all(one.end_bar == two.first_bar for one, two in pairwise(score.harmony))
    assert MusicParameters.of_json(parameters.as_json()) == parameters


def test_a_waltz_is_counted_in_three() -> None:
    parameters, score = followed(heard("star", 100.0), prompt="waltz")
    assert parameters.meter == "3/4"
    assert score.clock.beats_a_bar == 3
    assert off_seconds(score, 14, sung("star", 100.0).onsets) < 0.05


@pytest.mark.parametrize(
    "tune, sentence",
    [
        ([[0, 4, 60, 0.9], [2, 4, 62, 0.9]], "do not overlap"),
        ([[0, 4, 5, 0.9]], "pitches of 24 to 108"),
        ([[0, 4, 60, 0.0]], "velocities"),
        ([[0, 4.5, 60, 0.5]], "whole numbers"),
        ([[0, 4]], "list of"),
    ],
)
def test_a_tune_that_is_none_is_refused(tune: list[list[float]], sentence: str) -> None:
    stored = followed(heard("star"))[0].as_json()
    with pytest.raises(InvalidParameter, match=sentence):
        MusicParameters.of_json({**stored, "tune": tune})


def test_the_piece_sounds_in_the_key_and_tempo_of_the_hum(tmp_path: Path) -> None:
    hum = heard("volga", 100.0, HARD)
    parameters, _ = followed(hum, prompt="pop")
    piece = compose(parameters)
    files.write(piece, tmp_path)
    found = analyse(str(tmp_path / files.MIX))
    assert found.key == "D minor"
    assert found.bpm is not None and min(abs(found.bpm / 100.0 - times) for times in (1.0, 2.0)) < 0.01
    levels = {name: master.loudness_lufs(stem) for name, stem in piece.stems.items()}
    assert levels["melody"] > max(levels["drums"], levels["bass"], levels["other"])
    assert compose(replace(parameters)).mix.tobytes() == piece.mix.tobytes()
