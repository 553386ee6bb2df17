"""The synthesiser's parts, each against what its formula promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from render.music import files, playing
from render.music.instruments import INSTRUMENTS
from render.music.synth import desk, master
from render.music.synth.clock import SAMPLE_RATE_HZ, samples
from render.music.synth.kits import KITS
from render.music.synth.noise import white
from render.music.synth.patches import SOUNDS
from render.music.synth.subtractive import PULSE, SAW, Patch, add_note
from tests.render.music_pieces import alikeness, level_db
from tests.support.ebu_r128 import ebu_r128


def played(voice: str, pitch: float, seconds: float = 0.5, velocity: float = 0.8) -> np.ndarray:
    bus = playing.new_bus(samples(seconds + 4.0))
    playing._add(bus, 0, samples(seconds), playing.hertz(pitch), velocity, SOUNDS[voice], 5)
    return bus


def test_every_voice_has_a_sound_and_every_lane_a_drum() -> None:
    assert set(SOUNDS) == set(INSTRUMENTS)
    assert all(set(kit) == set(KITS["909"]) for kit in KITS.values())


@pytest.mark.parametrize("voice", SOUNDS)
def test_a_voice_begins_at_zero_is_heard_and_ends(voice: str) -> None:
    sound = played(voice, 40 if "bass" in voice or INSTRUMENTS[voice].program in range(32, 40) else 64)
    peak = np.abs(sound).max()
    assert 0.02 < peak < 4.0
    assert np.abs(sound[0]).max() < 0.12 * peak
    assert level_db(sound[-SAMPLE_RATE_HZ // 4 :]) < level_db(sound[: SAMPLE_RATE_HZ // 2]) - 40.0
    assert np.abs(sound.mean(axis=0)).max() < 0.02 * peak


@pytest.mark.parametrize(
    "voice", ["nylon", "power", "upright", "piano", "rhodes", "organ", "sax", "lead", "supersaw"]
)
@pytest.mark.parametrize("pitch", [45, 60, 76])
def test_voices_are_in_tune(voice: str, pitch: int) -> None:
    """Within ten cents by the loudest line near the fundamental; choruses and vibratos included."""
    sound = played(voice, pitch, 2.0)[4096 : 4096 + 65536].sum(axis=1)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound))) ** 2
    hertz = np.arange(len(power)) * SAMPLE_RATE_HZ / (4 * len(sound))
    wanted = playing.hertz(pitch)
    near = (hertz > wanted * 0.97) & (hertz < wanted * 1.03)
    centre = float((hertz * power)[near].sum() / power[near].sum())
    assert abs(1200.0 * np.log2(centre / wanted)) < 10.0


@pytest.mark.parametrize("wave", [SAW, PULSE])
def test_oscillators_are_band_limited(wave: float) -> None:
    """What lies between the harmonics of a high note is at least 45 dB below it; a naive saw has about 25."""
    bus = playing.new_bus(SAMPLE_RATE_HZ)
    patch = Patch(wave=wave, voices=1.0, cutoff_hz=18_000.0, key_track=0.0, velocity_octaves=0.0, sustain=1.0)
    hertz = 2217.46
    add_note(bus, 0, SAMPLE_RATE_HZ, hertz, 1.0, patch, 3)
    sound = bus[4000:36768, 0].astype(np.float64)
    power = np.abs(np.fft.rfft(sound * np.blackman(len(sound)))) ** 2
    bins = np.arange(len(power)) * SAMPLE_RATE_HZ / len(sound)
    harmonic = np.abs(bins / hertz - np.round(bins / hertz)) * hertz < 12.0
    audible = (bins > 100.0) & (bins < 10_000.0)
    between = power[~harmonic & audible].sum()
    assert 10.0 * np.log10(power[harmonic & audible].sum() / between) > 45.0


def test_noise_is_white_flat_and_counted() -> None:
    noise = np.array([white(7, n) for n in range(20_000)])
    assert abs(noise.mean()) < 0.02
    assert noise.std() == pytest.approx(3.0**-0.5, abs=0.01)
    assert abs((noise[:-1] * noise[1:]).mean()) < 0.01
    assert white(7, 11) == noise[11] != white(8, 11)


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_the_reverb_falls_by_sixty_decibels_in_its_time(seconds: float) -> None:
    send = playing.new_bus(samples(seconds + 1.0))
    send[100] = 1.0
    out = np.zeros_like(send)
    desk.add_reverb(out, send, seconds, 20_000.0, 1.0, 0)
    early = level_db(out[samples(0.2) : samples(0.3)])
    late = level_db(out[samples(0.2 + 0.5 * seconds) : samples(0.3 + 0.5 * seconds)])
    assert early - late == pytest.approx(30.0, abs=5.0)
    assert abs(alikeness(out[samples(0.1) :])) < 0.75


def test_room_echo_filter_and_tape_are_linear_so_stems_sum() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    one, two = (generator.standard_normal((20_000, 2)).astype(np.float32) * 0.1 for _ in range(2))

    def through(bus: np.ndarray) -> np.ndarray:
        out = desk.taped(bus, 1.0, 0.0, 1)
        desk.add_echo(out, bus, 4000, 0.4, 0.3)
        desk.add_reverb(out, bus, 1.2, 5000.0, 0.3, 500)
        desk.cut(out, 100.0, 8000.0)
        desk.duck(out, np.array([3000, 9000]), 0.7, 4000)
        desk.sweep(out, desk.curve(len(out), [(0, 200.0), (20_000, 9000.0)]))
        return np.asarray(out)

    together = through(one + two)
    assert level_db(through(one) + through(two) - together) < level_db(together) - 100.0


def test_echoes_come_on_time_from_both_sides() -> None:
    send = playing.new_bus(40_000)
    send[1000] = 1.0
    out = np.zeros_like(send)
    desk.add_echo(out, send, 6000, 0.5, 1.0)
    left, right = (np.abs(out[:, side]) for side in (0, 1))
    assert abs(int(left[6000:9000].argmax()) + 6000 - 7000) < 8
    assert abs(int(right[12_000:15_000].argmax()) + 12_000 - 13_000) < 24


def test_ducking_makes_room_before_the_kick_and_comes_back() -> None:
    bus = np.ones((30_000, 2), np.float32)
    desk.duck(bus, np.array([10_000]), 0.6, 8000)
    assert bus[10_000, 0] == pytest.approx(0.4, abs=0.01)
    assert bus[9_000, 0] == bus[19_000, 0] == 1.0
    assert np.abs(np.diff(bus[:, 0])).max() < 0.006


@pytest.mark.parametrize("crest", [0.02, 0.3, 3.0])
def test_the_master_meets_loudness_and_ceiling_and_leaves_silence_alone(crest: float) -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    mix = generator.standard_normal((samples(6.0), 2)).astype(np.float32) * 0.05
    mix[::11025] += crest
    mix *= master.gain_curve(mix)[:, None]
    assert master.loudness_lufs(mix) == pytest.approx(-14.0, abs=0.2)
    assert 20.0 * np.log10(master.true_peaks(mix).max()) < -1.0
    silence = playing.new_bus(samples(6.0))
    assert (master.gain_curve(silence) == 1.0).all()


def test_another_meter_agrees_on_loudness_and_true_peak(tmp_path: Path) -> None:
    """FFmpeg's ebur128 on noise with spikes between the samples."""
    generator = np.random.Generator(np.random.PCG64(3))
    time = np.arange(samples(5.0)) / SAMPLE_RATE_HZ
    tone = 0.7 * np.sin(2 * np.pi * 11_025.0 * time + np.pi / 4.0) * (time > 2.5)
    mix = (generator.standard_normal((len(time), 2)) * 0.02 + tone[:, None]).astype(np.float32)
    files.write_wave(tmp_path / "mix.wav", mix)
    loudness, peak = ebu_r128(tmp_path / "mix.wav")
    assert master.loudness_lufs(mix) == pytest.approx(loudness, abs=0.1)
    assert 20.0 * np.log10(master.true_peaks(mix).max()) == pytest.approx(peak, abs=0.3)
