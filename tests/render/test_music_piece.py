"""A whole piece, judged by numbers: stems, loudness, peaks, clicks, the same bytes each time."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from render.music import files, playing
from render.music.parameters import InvalidParameter, MusicParameters
from render.music.piece import STEMS, compose
from render.music.prompt import resolve
from render.music.synth import master
from render.music.synth.clock import SAMPLE_RATE_HZ
from tests.render.music_pieces import alikeness, digest, level_db, piece
from tests.support.ebu_r128 import ebu_r128

ROOT = Path(__file__).parents[2]
INNER = {  # called by kernels alone
    "_pulled", "_add_partial", "_add_knock", "_unison", "_cents", "_cutoff_hz", "_stepped", "_oscillator",
    "_residual", "_metal", "_wires_level",
}  # fmt: skip
PROMPTS = ("house in A minor", "lo-fi hip hop", "ambient", "rock")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_stems_sum_to_the_mix(prompt: str) -> None:
    made = piece(prompt, 8.0)
    assert set(made.stems) == set(STEMS)
    total = np.sum([made.stems[name].astype(np.float64) for name in STEMS], axis=0)
    assert level_db(total - made.mix) < level_db(made.mix) - 100.0
    for stem in made.stems.values():
        assert stem.dtype == np.float32
        assert level_db(stem) > level_db(made.mix) - 40.0


@pytest.mark.parametrize("prompt", PROMPTS)
def test_loudness_peaks_dc_and_width(prompt: str) -> None:
    mix = piece(prompt, 8.0).mix
    assert len(mix) == 8 * SAMPLE_RATE_HZ
    assert np.isfinite(mix).all()
    assert master.loudness_lufs(mix) == pytest.approx(-14.0, abs=0.5)
    assert 20.0 * np.log10(master.true_peaks(mix).max()) < -1.0
    assert np.abs(mix.mean(axis=0)).max() < 1e-4
    assert np.abs(mix[[0, -1]]).max() < 1e-3
    assert 0.1 < alikeness(mix) < 0.995


def test_files_and_another_meter(tmp_path: Path) -> None:
    made = piece("house in A minor", 8.0)
    files.write(made, tmp_path)
    loudness, peak = ebu_r128(tmp_path / files.MIX)
    assert loudness == pytest.approx(-14.0, abs=0.5)
    assert peak < -1.0
    stems = [samples_of(tmp_path / f"{name}.wav") for name in STEMS]
    mix = samples_of(tmp_path / files.MIX)
    assert np.abs(np.sum(stems, axis=0) - mix).max() <= 3
    assert (tmp_path / files.MIDI).read_bytes()[:4] == b"MThd"
    stored = json.loads((tmp_path / files.PARAMETERS).read_text())
    assert MusicParameters.of_json(stored) == made.parameters


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, SAMPLE_RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(np.int64)


def test_the_same_parameters_are_the_same_bits_in_another_process() -> None:
    """The other process has another hash seed, more threads and a piece made before."""
    parameters = resolve("pop with saxophone", seed=11, duration=6.0)
    code = (
        "import json, sys; from render.music.parameters import MusicParameters\n"
        "from render.music.piece import compose; from tests.render.music_pieces import digest\n"
        "from render.music.prompt import resolve; compose(resolve('trap', seed=1, duration=5.0))\n"
        "print(digest(compose(MusicParameters.of_json(json.loads(sys.argv[1])))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, json.dumps(parameters.as_json())],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "77", "NUMBA_NUM_THREADS": "2", "PATH": "/usr/bin:/bin"},
    )
    assert told.stdout.strip() == digest(compose(parameters)) == digest(compose(parameters))


def test_other_seeds_and_words_sound_different() -> None:
    one = piece("pop", 5.0, 1)
    assert digest(one) != digest(piece("pop", 5.0, 2))
    assert digest(one) != digest(piece("pop moonlight", 5.0, 1))


def test_a_stem_that_is_left_out_is_silent_and_the_piece_still_loud() -> None:
    made = piece("techno, no drums, no bass", 6.0)
    assert not made.stems["drums"].any()
    assert not made.stems["bass"].any()
    assert made.lufs == pytest.approx(-14.0, abs=0.5)


@pytest.mark.parametrize(
    "prompt", ["only drums, trap", "a drum loop", "melody only, flute", "only bass", "pads only"]
)
def test_single_parts_are_pieces_too(prompt: str) -> None:
    made = piece(prompt, 5.0)
    assert made.lufs == pytest.approx(-14.0, abs=0.5)
    assert made.true_peak_dbtp < -1.0


@pytest.mark.parametrize(
    "prompt", ["40 bpm ambient", "300 bpm drum and bass", "jazz waltz", "reggae in 6/8", "funk, B lydian"]
)
def test_extremes_are_whole_pieces(prompt: str) -> None:
    made = piece(prompt, 5.0)
    assert np.isfinite(made.mix).all()
    assert made.lufs == pytest.approx(-14.0, abs=0.5)
    assert made.true_peak_dbtp < -1.0


def test_nothing_clicks_where_sections_meet() -> None:
    """The drumless stems never jump by more than what their own notes do in between."""
    made = piece("ambient, no drums", 12.0)
    steps = np.abs(np.diff(made.mix, 2, axis=0)).max(axis=1)
    clock = made.score.clock
    joints = [playing.sample_at(clock, clock.beat(section.first_bar)) for section in made.score.sections[1:]]
    usual = np.percentile(steps, 99.9)
    for joint in joints:
        assert steps[joint - 50 : joint + 50].max() < 3.0 * usual


def test_kicks_fall_on_the_beat() -> None:
    made = piece("house in A minor", 8.0)
    drums = made.stems["drums"].mean(axis=1)
    energy = np.concatenate([[0.0], np.cumsum(drums.astype(np.float64) ** 2)])
    window = SAMPLE_RATE_HZ // 50
    offsets = np.arange(-1500, 1500, 20)
    kicks = [hit for hit in made.score.drums if hit.lane == "kick" and hit.start > 0.5]
    for hit in kicks[:-1]:
        at = playing.sample_at(made.score.clock, hit.start) + offsets
        rise = (energy[at + window] - energy[at]) / (energy[at] - energy[at - window] + 1e-2)
        assert abs(offsets[np.argmax(rise)]) / SAMPLE_RATE_HZ < 0.015


def test_progress_rises_to_one() -> None:
    heard: list[float] = []
    compose(resolve("bossa nova", seed=1, duration=5.0), heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_parameters_that_make_no_piece_are_refused() -> None:
    stored = resolve("pop", seed=1).as_json()
    for name, value in (("genre", "polka"), ("drums", "tin cans"), ("melody", "theremin"), ("bass", "tuba")):
        with pytest.raises(InvalidParameter) as refused:
            compose(MusicParameters.of_json({**stored, name: value}))
        assert refused.value.field == name


def test_warming_reaches_every_kernel() -> None:
    """After it each kernel that Python calls is compiled, and once: other types would compile it again."""
    code = (
        "from importlib import import_module; from numba.core.dispatcher import Dispatcher\n"
        "from render.music.warm import warm; warm()\n"
        "for name in ('desk', 'master', 'strokes', 'subtractive', 'tones'):\n"
        "    module = import_module('render.music.synth.' + name)\n"
        "    for kernel in vars(module).values():\n"
        "        if isinstance(kernel, Dispatcher) and kernel.__module__ == module.__name__:\n"
        "            print(kernel.__name__, len(kernel.signatures))\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    counts = dict(line.split() for line in told.stdout.splitlines())
    assert set(counts.values()) <= {"0", "1"}
    assert {name for name, count in counts.items() if count == "0"} <= INNER
    assert len(counts) > 20
