"""Hummed tunes that are known are heard as they are; what is no tune is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.hummed import TUNES, Manner, f_measure
from render.audio.humming.facts import MAX_HUM_SECONDS, Hum
from render.audio.humming.hear import hear, notes_of
from render.audio.humming.pitch import FRAME_SECONDS, SAMPLE_RATE_HZ, followed
from render.errors import DamagedMedia, MediaTooLarge, NoMelody
from tests.render.hums import HARD, WHISTLED, heard, no_melodies, samples, sung, written
from tests.render.media_files import tone, write_wav

MANNERS = {
    "plain": Manner(),
    "drift": Manner(drift_cents=80.0),
    "falling": Manner(cents=15.0, drift_cents=-80.0),
    "vibrato": Manner(vibrato_cents=70.0),
    "glides": Manner(glide_seconds=0.14),
    "breath": Manner(breath_db=20.0),
    "hoarse": Manner(breath_db=12.0),
    "telephone": Manner(rate_hz=8_000),
    "all at once": HARD,
}


def pitches_at(hum: Hum, onsets: np.ndarray) -> list[int | None]:
    """What was heard within 100 ms of each onset."""
    found = np.array([note.onset for note in hum.notes])
    near = [int(np.abs(found - onset).argmin()) for onset in onsets]
    return [
        hum.notes[k].pitch if abs(found[k] - onset) < 0.1 else None
        for k, onset in zip(near, onsets, strict=True)
    ]


@pytest.mark.parametrize(
    "name, manner",
    [
        (list(TUNES)[(2 * number + turn) % len(TUNES)], one)
        for number, one in enumerate(MANNERS)
        for turn in (0, 1)
    ],
)
def test_the_notes_of_a_hummed_tune_are_heard(name: str, manner: str) -> None:
    tune, hum = sung(name, 100.0, MANNERS[manner]), heard(name, 100.0, MANNERS[manner])
    onsets = np.array([note.onset for note in hum.notes])
    assert f_measure(onsets, tune.onsets, 0.05) >= 0.85
    assert f_measure(onsets, tune.onsets, 0.1) >= 0.97
    right = [one == wanted for one, wanted in zip(pitches_at(hum, tune.onsets), tune.pitches, strict=True)]
    assert np.mean(right) >= 0.97
    assert all(one.end <= two.onset + 1e-9 for one, two in zip(hum.notes, hum.notes[1:], strict=False))


def test_lengths_loudness_tuning_and_drift_are_told() -> None:
    manner = Manner(cents=20.0, drift_cents=60.0)
    tune, hum = sung("jacques", 100.0, manner), heard("jacques", 100.0, manner)
    lengths = np.array([note.duration for note in hum.notes])
    assert np.abs(lengths - (tune.ends - tune.onsets)).max() < 0.12
    assert hum.tuning_cents == pytest.approx(20.0, abs=12.0)
    assert hum.drift_cents == pytest.approx(60.0, abs=20.0)
    assert all(0.3 < note.velocity <= 1.0 and 0.3 < note.confidence <= 1.0 for note in hum.notes)
    assert all(-50.0 <= note.cents <= 50.0 for note in hum.notes)


def test_whistling_is_heard_two_octaves_higher() -> None:
    for name, tonic in WHISTLED.items():
        tune = sung(name, 100.0, Manner(is_whistled=True), tonic)
        hum = heard(name, 100.0, Manner(is_whistled=True), tonic)
        assert pitches_at(hum, tune.onsets) == tune.pitches.tolist()


def test_silence_before_between_and_after_is_no_note() -> None:
    manner = Manner(lead_seconds=3.0, tail_seconds=3.0, breath_db=0.0)
    tune, hum = sung("saints", 100.0, manner), heard("saints", 100.0, manner)
    assert hum.notes[0].onset == pytest.approx(tune.onsets[0], abs=0.05)
    assert hum.notes[-1].end == pytest.approx(tune.ends[-1], abs=0.1)
    assert hum.notes[3].end < hum.notes[4].onset - 0.4
    assert hum.duration == pytest.approx(len(tune.sound) / tune.rate_hz, abs=0.01)


def test_softer_is_the_same_tune() -> None:
    loud = heard("star")
    soft = notes_of(np.float32(0.03) * samples(sung("star")))
    assert [note.pitch for note in soft.notes] == [note.pitch for note in loud.notes]
    assert [note.onset for note in soft.notes] == [note.onset for note in loud.notes]


@pytest.mark.parametrize("rate, channels", [(8_000, 1), (22_050, 2), (48_000, 2)])
def test_files_of_any_rate_and_number_of_channels(tmp_path: Path, rate: int, channels: int) -> None:
    tune = sung("star", 100.0, replace(Manner(), rate_hz=rate, channels=channels))
    told: list[float] = []
    hum = hear(str(written(tmp_path / "hum.wav", tune)), lambda percent, _: told.append(percent))
    assert [note.pitch for note in hum.notes] == tune.pitches.tolist()
    assert told == sorted(told) and told[-1] == 100.0


@pytest.mark.parametrize("name", list(no_melodies()))
def test_what_has_no_melody_is_refused(name: str) -> None:
    with pytest.raises(NoMelody, match="No melody could be heard"):
        notes_of(no_melodies()[name])


def test_one_tone_is_no_melody() -> None:
    time = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    sound = 0.3 * np.sin(2.0 * np.pi * 220.0 * time)
    for loud in (np.ones_like(time), (time % 0.5 < 0.4) * 1.0):
        with pytest.raises(NoMelody, match="there is one tone"):
            notes_of((sound * loud).astype(np.float32))


def test_recordings_have_a_least_and_a_greatest_length(tmp_path: Path) -> None:
    short = write_wav(tmp_path / "short.wav", tone(0.5, 8_000, 1), 8_000)
    with pytest.raises(DamagedMedia, match=r"lasts 0\.5 s; a hummed melody lasts at least 1 s"):
        hear(str(short))
    long = write_wav(tmp_path / "long.wav", tone(MAX_HUM_SECONDS + 2.0, 8_000, 1), 8_000)
    with pytest.raises(MediaTooLarge, match="longer than 120 s"):
        hear(str(long))


def test_three_seconds_are_enough() -> None:
    sound = samples(sung("jacques"))[: 3 * SAMPLE_RATE_HZ]
    assert [note.pitch for note in notes_of(sound).notes][:4] == [60, 62, 64, 60]


@pytest.mark.slow
def test_the_pitch_is_as_near_to_the_truth_as_librosas(tmp_path: Path) -> None:
    """Share of sung frames within half a semitone, and of voiced decisions, beside librosa.pyin."""
    import librosa  # a few seconds, for this test alone

    for name in ("joy", "volga"):
        tune = sung(name, 100.0, HARD)
        sound = samples(tune)
        mine = followed(sound).pitch
        other, _, _ = librosa.pyin(
            sound, fmin=60.0, fmax=2100.0, sr=SAMPLE_RATE_HZ, frame_length=1024, hop_length=160
        )
        theirs = librosa.hz_to_midi(other)
        assert right_share(mine, tune.pitch_at) > 0.97
        assert right_share(mine, tune.pitch_at) >= right_share(theirs, tune.pitch_at) - 0.01
        assert FRAME_SECONDS == 0.01


def right_share(found: np.ndarray, truth: np.ndarray) -> float:
    count = min(len(found), len(truth))
    sounding = np.isfinite(truth[:count])
    return float(np.mean(np.abs(found[:count] - truth[:count])[sounding] < 0.5))
