"""The demo's own song, judged by numbers: loudness, peaks, grid, form, and the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from bench import groove
from bench.groove import drums, master, score, tones
from bench.groove.clock import BAR_SECONDS, SAMPLE_RATE_HZ, sample_at
from tests.support.ebu_r128 import ebu_r128

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def song_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groove") / "groove.wav"
    groove.write(path)
    return path


@pytest.fixture(scope="module")
def song(song_path: Path) -> np.ndarray:
    with wave.open(str(song_path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, SAMPLE_RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768.0


def test_another_process_makes_the_same_bytes(song_path: Path, tmp_path: Path) -> None:
    code = "import pathlib, sys; from bench import groove; groove.write(pathlib.Path(sys.argv[1]))"
    again = tmp_path / "again.wav"
    subprocess.run([sys.executable, "-c", code, str(again)], cwd=ROOT, check=True)
    digest = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (song_path, again)]
    assert digest[0] == digest[1]


def test_its_length_is_that_of_a_short_song(song: np.ndarray) -> None:
    assert 20.0 <= len(song) / SAMPLE_RATE_HZ <= 30.0


def test_another_meter_agrees_on_loudness_and_peak(song_path: Path) -> None:
    loudness, peak = ebu_r128(song_path)
    assert loudness == pytest.approx(master.TARGET_LUFS, abs=0.3)
    assert peak < -1.0


def test_nothing_is_clipped_and_there_is_no_dc(song: np.ndarray) -> None:
    assert np.abs(song).max() < 0.9
    assert np.abs(song.mean(axis=0)).max() < 1e-4
    assert np.abs(song[[0, -1]]).max() < 1e-3


@pytest.mark.parametrize(
    "sound",
    [
        drums.kick(0),
        drums.clap(0),
        drums.snare(0),
        drums.hat(0, 0.09),
        drums.crash(),
        drums.riser(1.0),
        tones.bass(33, 0.3),
        tones.pluck(72, 1.0),
        tones.lead(76, 0.4),
        tones.pad(60, 2.0),
    ],
    ids=["kick", "clap", "snare", "hat", "crash", "riser", "bass", "pluck", "lead", "pad"],
)
def test_every_voice_begins_and_ends_at_zero_so_nothing_clicks(sound: np.ndarray) -> None:
    assert np.abs(sound[0]).max() < 0.01 * np.abs(sound).max()
    assert np.abs(sound[-1]).max() < 0.01 * np.abs(sound).max()


def test_the_low_end_comes_on_the_grid(song: np.ndarray) -> None:
    low = sosfiltfilt(butter(2, 120.0, "lowpass", fs=SAMPLE_RATE_HZ, output="sos"), song.mean(axis=1))
    energy = np.concatenate([[0.0], np.cumsum(low**2)])
    window = SAMPLE_RATE_HZ // 25

    def rise(at: np.ndarray) -> np.ndarray:
        """How much more energy lies in the 40 ms after a sample than in those before."""
        return np.asarray((energy[at + window] - energy[at]) / (energy[at] - energy[at - window] + 1e-3))

    offsets = np.arange(-SAMPLE_RATE_HZ // 10, SAMPLE_RATE_HZ // 10, 20)
    for hit in score.kicks():
        best = offsets[np.argmax(rise(sample_at(hit.start) + offsets))] / SAMPLE_RATE_HZ
        assert abs(best) <= 0.015, f"the kick at beat {hit.start} comes {best:.3f} s off"


def test_the_form_has_quiet_and_loud_passages(song: np.ndarray) -> None:
    def level(bars: range) -> float:
        first, last = (round(bar * BAR_SECONDS * SAMPLE_RATE_HZ) for bar in (bars[0], bars[-1] + 1))
        return float(10.0 * np.log10((song[first:last] ** 2).mean()))

    assert level(score.DROP) > level(score.LIGHT) + 2.0 > level(score.INTRO) + 5.0
    assert level(score.OUTRO[1:]) < level(score.DROP) - 5.0
    breath = song[sample_at(23.3) : sample_at(23.9)]
    assert np.abs(breath).mean() < 0.7 * np.abs(song[sample_at(24.0) : sample_at(24.6)]).mean()


def test_it_is_wide_but_its_sides_do_not_cancel(song: np.ndarray) -> None:
    correlation = np.corrcoef(song.T)[0, 1]
    assert 0.2 < correlation < 0.98


def test_the_spectrum_falls_as_music_does(song: np.ndarray) -> None:
    drop = song[sample_at(24.0) : sample_at(40.0)].mean(axis=1)
    power = np.abs(np.fft.rfft(drop * np.hanning(len(drop)))) ** 2
    hertz = np.fft.rfftfreq(len(drop), 1 / SAMPLE_RATE_HZ)
    octaves = 62.5 * 2.0 ** np.arange(8)
    levels = [10 * np.log10(power[(hertz >= f / 2**0.5) & (hertz < f * 2**0.5)].sum()) for f in octaves]
    slope = np.polyfit(np.arange(8), levels, 1)[0]
    assert -5.0 < slope < -1.5  # decibels an octave
