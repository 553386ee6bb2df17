"""Tempo, beats, bars and keys of tracks that are known, and of what has none."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.labelled import KEYS, PATTERNS, RATE, chord_song, click_track, drum_loop, note, put, wav_of
from render.audio.analysis import analyse
from render.audio.facts import Analysis
from render.errors import DamagedMedia, UnsupportedMedia
from tests.render.media_files import tone, write_sound
from tests.rest.songs import pixel_png


def heard(folder: Path, sound: NDArray[np.floating], rate: int = RATE) -> Analysis:
    path = folder / "sound.wav"
    path.write_bytes(wav_of(sound, rate))
    return analyse(str(path))


def rock_song(bpm: float, seconds: float, drums: float = 1.0) -> NDArray[np.float64]:
    sound = chord_song(7, "major", bpm, seconds) + drums * drum_loop("rock", bpm, seconds)
    return np.asarray(0.8 * sound / np.abs(sound).max())


def distances(found: list[float], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each found time to the nearest true one, in seconds."""
    return np.asarray(np.abs(np.array(found)[:, None] - truth[None, :]).min(axis=1))


@pytest.mark.parametrize("bpm", [50.0, 66.6, 83.0, 97.3, 120.0, 140.7, 171.0])
def test_clicks_are_counted_without_rounding(tmp_path: Path, bpm: float) -> None:
    found = heard(tmp_path, click_track(bpm, 15.0))
    assert found.bpm == pytest.approx(bpm, rel=0.0005)
    assert found.bpm_candidates[0] == pytest.approx(found.bpm, abs=0.01)
    truth = np.arange(0.3, 15.0, 60.0 / bpm)
    assert len(found.beats) == len(truth)
    assert distances(found.beats, truth).max() < 0.01
    assert found.downbeats == []  # all alike: nothing says where a bar begins
    assert found.key is None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_drums_are_counted_as_people_count_them(tmp_path: Path, pattern: str) -> None:
    slowest, fastest = PATTERNS[pattern][3]
    bpm = slowest + 0.37 * (fastest - slowest)
    found = heard(tmp_path, drum_loop(pattern, bpm, 16.0))
    assert found.bpm == pytest.approx(bpm, rel=0.005)
    if pattern != "trap":  # most of its kicks lie between the beats, and nothing else says where those are
        assert distances(found.beats, np.arange(0.0, 17.0, 60.0 / bpm)).max() < 0.03
    assert found.key is None


def test_music_without_drums_has_a_beat_too(tmp_path: Path) -> None:
    found = heard(tmp_path, chord_song(2, "minor", 108.5, 16.0))
    assert found.bpm == pytest.approx(108.5, rel=0.005)


def test_a_tempo_that_changes_is_followed(tmp_path: Path) -> None:
    beats = np.cumsum(60.0 / np.linspace(100.0, 116.0, 50))
    sound = np.zeros(int((beats[-1] + 1.0) * RATE))
    for beat in beats:
        put(sound, float(beat), click_track(60.0, 0.1, 0.0))
    found = heard(tmp_path, sound)
    assert found.bpm is not None
    assert 102.0 < found.bpm < 114.0
    assert distances(found.beats, beats).max() < 0.05
    assert len(found.beats) == pytest.approx(50, abs=1)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_all_24_keys_in_tune_and_out_of_it(tmp_path: Path, tonic: int, mode: str) -> None:
    cents = (-30.0, 0.0, 30.0)[tonic % 3]
    sound = chord_song(tonic, mode, 110.0, 12.0, cents=cents)
    if tonic % 2:
        sound = sound + 2.0 * drum_loop("rock", 110.0, 12.0)
    found = heard(tmp_path, 0.4 * sound)
    assert found.key == f"{KEYS[mode][tonic]} {mode}"
    assert 0.2 < found.key_confidence <= 1.0
    assert found.tuning_cents == pytest.approx(cents, abs=6.0)


@pytest.mark.parametrize(("mode", "form"), [("major", "loop"), ("minor", "loop")])
def test_keys_that_share_their_chords_are_told_apart(tmp_path: Path, mode: str, form: str) -> None:
    """C G a F and a F C G: what it begins with and what the bass rests on decide."""
    found = heard(tmp_path, chord_song(9 if mode == "minor" else 0, mode, 120.0, 16.0, form=form))
    assert found.key == ("A minor" if mode == "minor" else "C major")


@pytest.mark.parametrize("bpm", [92.0, 128.0])
def test_bars_begin_where_the_chord_changes(tmp_path: Path, bpm: float) -> None:
    found = heard(tmp_path, rock_song(bpm, 18.0))
    bar = 240.0 / bpm
    assert distances(found.downbeats, np.arange(0.0, 19.0, bar)).max() < 0.05
    assert np.diff(found.downbeats) == pytest.approx(bar, abs=0.01)
    assert set(found.downbeats) <= set(found.beats)


def test_a_waltz_has_three_beats(tmp_path: Path) -> None:
    beat = 60.0 / 150.0
    sound = np.zeros(18 * RATE)
    for bar in range(15):
        root = 36 + (0, 5, 7, 0)[bar % 4]
        put(sound, 3 * bar * beat, note(root, beat, 0.4, 3.0))
        for number in (1, 2):
            for step in (24, 28, 31):
                put(sound, (3 * bar + number) * beat, note(root + step, beat * 0.8, 0.08, 5.0))
    found = heard(tmp_path, sound)
    assert found.bpm == pytest.approx(150.0, rel=0.005)
    assert np.diff(found.downbeats) == pytest.approx(3 * beat, abs=0.01)
    assert distances(found.downbeats, np.arange(0.0, 19.0, 3 * beat)).max() < 0.05


def test_energy_tells_loud_beats_from_quiet_ones(tmp_path: Path) -> None:
    sound = rock_song(120.0, 16.0)
    sound[: 8 * RATE] *= 0.1
    found = heard(tmp_path, sound)
    assert len(found.energy) == len(found.beats)
    quiet = [level for at, level in zip(found.beats, found.energy, strict=True) if at < 7.4]
    loud = [level for at, level in zip(found.beats, found.energy, strict=True) if at > 8.2]
    assert max(quiet) < 0.12
    assert min(loud) > 0.2
    assert max(found.energy) == 1.0


def test_the_level_does_not_change_what_is_heard(tmp_path: Path) -> None:
    loud, quiet = heard(tmp_path, rock_song(100.0, 12.0)), heard(tmp_path, 0.02 * rock_song(100.0, 12.0))
    assert quiet.bpm == pytest.approx(loud.bpm, rel=0.002)
    assert quiet.key == loud.key == "G major"
    assert loud.loudness_lufs is not None and quiet.loudness_lufs is not None
    assert loud.loudness_lufs - quiet.loudness_lufs == pytest.approx(34.0, abs=0.5)


def noise(seconds: float, level: float = 0.2, seed: int = 0) -> NDArray[np.float64]:
    return level * np.random.default_rng(seed).standard_normal(int(seconds * RATE))


def one_click() -> NDArray[np.float64]:
    sound = np.zeros(12 * RATE)
    sound[5 * RATE : 5 * RATE + 50] = 0.9
    return sound


def vibrato() -> NDArray[np.float64]:
    time = np.arange(15 * RATE) / RATE
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * time + 3 * np.sin(2 * np.pi * 5.5 * time)))


def irregular() -> NDArray[np.float64]:
    sound = np.zeros(25 * RATE)
    for at in np.random.default_rng(4).uniform(0.0, 25.0, 40):
        put(sound, float(at), click_track(60.0, 0.1, 0.0))
    return sound


NOTHING = {
    "silence": np.zeros(10 * RATE),
    "one click": one_click(),
    "noise": noise(15.0),
    "other noise": noise(15.0, seed=1),
    "short noise": noise(3.0),
    "quiet noise": noise(10.0, 1e-4),
    "a constant": np.full(5 * RATE, 0.5),
    "a tone": 0.5 * np.sin(2 * np.pi * 433.7 * np.arange(10 * RATE) / RATE),
    "vibrato": vibrato(),
    "a chord that stays": sum(note(pitch, 10.0, 0.1, 0.05) for pitch in (45, 52, 57, 61)),
    "clicks without order": irregular(),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_no_beat_none_is_invented(tmp_path: Path, name: str) -> None:
    found = heard(tmp_path, np.asarray(NOTHING[name]))
    assert (found.bpm, found.bpm_confidence, found.bpm_candidates) == (None, 0.0, [])
    assert found.beats == found.downbeats == found.energy == []


@pytest.mark.parametrize("name", sorted(set(NOTHING) - {"a chord that stays"}))
def test_where_there_is_no_key_none_is_invented(tmp_path: Path, name: str) -> None:
    found = heard(tmp_path, np.asarray(NOTHING[name]))
    assert (found.key, found.key_confidence, found.tuning_cents) == (None, 0.0, None)


def test_one_note_that_repeats_has_a_beat_and_no_key(tmp_path: Path) -> None:
    found = heard(tmp_path, np.concatenate([note(57, 0.5, 0.3, 4.0)] * 20))
    assert found.bpm == pytest.approx(120.0, rel=0.005)
    assert found.key is None


def test_three_seconds(tmp_path: Path) -> None:
    found = heard(tmp_path, rock_song(124.0, 3.0))
    assert found.duration == 3.0
    assert found.bpm is not None
    assert min(abs(found.bpm * factor / 124.0 - 1.0) for factor in (0.5, 1.0, 2.0)) < 0.02


@pytest.mark.parametrize("samples", [1, 50, 1000, 8192, 12_000])
def test_the_shortest_sounds(tmp_path: Path, samples: int) -> None:
    found = heard(tmp_path, np.full(samples, 0.3))
    assert found.duration == round(samples / RATE, 3)
    assert (found.bpm, found.key, found.beats) == (None, None, [])


def test_clipped_and_off_centre(tmp_path: Path) -> None:
    for bad in (np.clip(8.0 * rock_song(105.0, 14.0), -1.0, 1.0), 0.5 * rock_song(105.0, 14.0) + 0.4):
        found = heard(tmp_path, bad)
        assert found.bpm == pytest.approx(105.0, rel=0.005)
        assert found.key == "G major"


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 2), (44_100, 6), (96_000, 2)])
def test_rates_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    song = rock_song(112.0, 12.0)
    time = np.arange(int(12.0 * rate)) / rate
    sound = np.interp(time, np.arange(len(song)) / RATE, song)
    if rate < RATE:  # what a lower rate cannot hold must not be folded into it
        sound = np.interp(time, np.arange(len(song)) / RATE, np.convolve(song, np.ones(6) / 6, "same"))
    found = heard(tmp_path, np.repeat(sound[:, None] / channels, channels, axis=1), rate)
    assert found.bpm == pytest.approx(112.0, rel=0.005)
    assert found.key == "G major"
    assert found.duration == pytest.approx(12.0, abs=0.01)


def test_the_low_channel_of_a_film_is_not_part_of_its_loudness(tmp_path: Path) -> None:
    """5.1 as AAC, a hum in the LFE alone beside a tone in the centre alone."""
    sound = np.zeros((6, 3 * 48_000), np.float32)
    sound[2] = tone(3.0, 48_000, 1, 1000.0)[0]
    path = write_sound(tmp_path / "film", sound, 48_000, codec="aac", muxer="mp4", layout="5.1")
    centre = analyse(str(path)).loudness_lufs
    sound[3] = tone(3.0, 48_000, 1, 60.0)[0]
    write_sound(path, sound, 48_000, codec="aac", muxer="mp4", layout="5.1")
    both = analyse(str(path)).loudness_lufs
    assert centre is not None
    assert both == pytest.approx(centre, abs=0.2)


def test_the_same_bytes_give_the_same_numbers(tmp_path: Path) -> None:
    sound = np.repeat(rock_song(101.0, 8.0)[None, :].astype(np.float32), 2, axis=0)
    path = write_sound(tmp_path / "song", sound, RATE, codec="libmp3lame", muxer="mp3")
    first = asdict(analyse(str(path)))
    assert asdict(analyse(str(path))) == first
    assert all(type(value) in (float, str, list, type(None)) for value in first.values())


def test_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(wav_of(rock_song(120.0, 6.0)))
    told: list[float] = []
    analyse(str(path), lambda percent, sentence: told.append(percent))
    assert told == sorted(told)
    assert told[-1] == 100.0
    assert len(told) > 3


def test_what_is_no_sound_is_an_error(tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(pixel_png())
    with pytest.raises(UnsupportedMedia):
        analyse(str(picture))
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav_of(np.zeros(100))[:44])
    with pytest.raises(DamagedMedia):
        analyse(str(cut))


_MEASURED = """
import json, sys, time
from dataclasses import asdict
from bench.measure import peak_memory_bytes
from render.audio.analysis import analyse
found = asdict(analyse(sys.argv[1]))
print(json.dumps([found, peak_memory_bytes(), time.process_time()]))
"""


@pytest.mark.slow
def test_an_hour(tmp_path: Path) -> None:
    """In a process of its own, as a worker's child has it: its memory, and its processor time."""
    minute = rock_song(120.0, 60.0)
    path = tmp_path / "hour.wav"
    path.write_bytes(wav_of(np.tile(minute, 60).astype(np.float32)))
    done = subprocess.run([sys.executable, "-c", _MEASURED, path], stdout=subprocess.PIPE, check=True)
    found, peak_bytes, cpu_seconds = json.loads(done.stdout)
    assert found["duration"] == 3600.0
    assert found["bpm"] == pytest.approx(120.0, rel=0.005)
    assert found["key"] == "G major"
    assert peak_bytes < 800_000_000
    assert cpu_seconds < 60.0


def test_a_low_rate_still_has_its_tone(tmp_path: Path) -> None:
    found = heard(tmp_path, tone(2.0, 8_000)[0], 8_000)
    assert found.true_peak_dbtp is not None
