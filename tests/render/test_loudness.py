"""The meter against what the standards say it must show: ITU-R BS.1770-4, EBU Tech 3341."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.audio.decode import Channels
from render.audio.loudness import Meter

STEREO = ("FL", "FR")
SURROUND = ("FL", "FR", "FC", "LFE", "SL", "SR")


def sine(decibels: float, seconds: float, rate: int = 48_000, hertz: float = 1000.0) -> NDArray[np.float64]:
    time = np.arange(int(seconds * rate)) / rate
    return np.asarray(10.0 ** (decibels / 20.0) * np.sin(2.0 * np.pi * hertz * time))


def metered(
    sound: NDArray[np.floating], names: tuple[str, ...] = STEREO, rate: int = 48_000, block: int = 4096
) -> Meter:
    """`sound` is (channels, n), or (n) for the same in all."""
    if sound.ndim == 1:
        sound = np.tile(sound, (len(names), 1))
    meter = Meter()
    for start in range(0, sound.shape[1], block):
        part = np.ascontiguousarray(sound[:, start : start + block], np.float32)
        meter.take(Channels(part, names, rate))
    return meter


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_sine_of_1_khz_is_as_loud_as_its_level(rate: int) -> None:
    """Tech 3341, case 1: in both channels at -23 dBFS it is -23 LUFS, within 0.1."""
    assert metered(sine(-23.0, 5.0, rate), rate=rate).lufs() == pytest.approx(-23.0, abs=0.1)


def test_one_channel_is_three_decibels_less() -> None:
    """BS.1770: 997 Hz in full swing in one of the front channels is -3.01 LKFS."""
    assert metered(sine(0.0, 5.0, hertz=997.0), ("FC",)).lufs() == pytest.approx(-3.01, abs=0.02)


def test_quiet_parts_do_not_count() -> None:
    """Tech 3341, case 3: -36, -23 and -36 dBFS are -23 LUFS: the relative gate."""
    parts = [sine(-36.0, 10.0), sine(-23.0, 60.0), sine(-36.0, 10.0)]
    assert metered(np.concatenate(parts)).lufs() == pytest.approx(-23.0, abs=0.1)


def test_silence_does_not_count() -> None:
    """Tech 3341, as case 4: -72 dBFS lies below the absolute gate."""
    parts = [sine(-72.0, 10.0), sine(-23.0, 60.0), sine(-72.0, 10.0)]
    assert metered(np.concatenate(parts)).lufs() == pytest.approx(-23.0, abs=0.1)


def test_surround_counts_more_and_the_low_channel_not() -> None:
    """Tech 3341, case 6, with an LFE that must not be heard."""
    levels = (-28.0, -28.0, -24.0, 0.0, -30.0, -30.0)
    sound = np.stack([sine(level, 10.0) for level in levels])
    assert metered(sound, SURROUND).lufs() == pytest.approx(-23.0, abs=0.1)


def test_lows_count_less_and_highs_more() -> None:
    at = {hertz: metered(sine(-20.0, 4.0, hertz=hertz)).lufs() for hertz in (40.0, 1000.0, 8000.0)}
    assert all(level is not None for level in at.values())
    assert at[40.0] < at[1000.0] - 5.0  # type: ignore[operator]
    assert at[8000.0] == pytest.approx(at[1000.0] + 3.3, abs=0.3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("phase", "level", "true"), [(45.0, -6.0, -6.0), (0.0, -6.0, -6.0), (67.5, -3.0, -3.0)]
)
def test_peaks_between_samples_are_found(phase: float, level: float, true: float) -> None:
    """Tech 3341, cases 15 to 18: a quarter of the rate, whose samples miss its peaks by up to 3 dB."""
    time = np.arange(48_000)
    sound = 10.0 ** (level / 20.0) * np.sin(np.pi / 2.0 * time + np.radians(phase))
    sound *= np.clip(np.minimum(time, time[::-1]) / 2400.0, 0.0, 1.0)
    found = metered(sound).peak_dbtp()
    assert found is not None
    assert true - 0.4 <= found <= true + 0.2


def test_silence_has_no_loudness_and_no_peak() -> None:
    meter = metered(np.zeros(48_000))
    assert (meter.lufs(), meter.peak_dbtp()) == (None, None)


def test_what_is_shorter_than_a_block_has_a_peak_alone() -> None:
    meter = metered(sine(-6.0, 0.3))
    assert meter.lufs() is None
    assert meter.peak_dbtp() == pytest.approx(-6.0, abs=0.1)


def test_a_constant_is_silent_and_has_a_peak() -> None:
    """The high pass of the weighting takes it out; only its beginning is heard."""
    meter = metered(np.concatenate([np.zeros(4800), np.full(48_000 * 4, 0.5)]))
    lufs = meter.lufs()
    assert lufs is None or lufs < -20.0
    assert meter.peak_dbtp() == pytest.approx(-6.0, abs=1.2)


@pytest.mark.parametrize("block", [1, 63, 1000, 1152, 480_000])
def test_blocks_of_any_size_give_the_same(block: int) -> None:
    sound = np.random.default_rng(1).standard_normal((2, 30_000)) * 0.1
    whole, pieces = metered(sound, block=30_000), metered(sound, block=block)
    assert pieces.lufs() == pytest.approx(whole.lufs(), abs=1e-9)
    assert pieces.peak_dbtp() == pytest.approx(whole.peak_dbtp(), abs=1e-9)


def test_a_stream_that_changes_its_shape_is_measured_on() -> None:
    meter = metered(sine(-23.0, 3.0))
    for start in range(0, 3 * 44_100, 4410):
        part = sine(-23.0, 3.0, 44_100)[start : start + 4410].astype(np.float32)
        meter.take(Channels(np.tile(part, (2, 1)), STEREO, 44_100))
    assert meter.lufs() == pytest.approx(-23.0, abs=0.2)
