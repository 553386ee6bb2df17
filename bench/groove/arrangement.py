"""The score played by the voices and mixed: one stereo array, not yet mastered."""

from __future__ import annotations

import numpy as np

from bench.groove import drums, mix, score, tones
from bench.groove.clock import BAR_SECONDS, BEAT_SECONDS, SAMPLE_RATE_HZ, sample_at, samples

TOTAL_SAMPLES = samples(score.BARS * BAR_SECONDS + score.TAIL_SECONDS)


def mixed() -> np.ndarray:
    kicks = [sample_at(hit.start) for hit in score.kicks()]
    pump = mix.ducking(TOTAL_SAMPLES, kicks, depth=0.62, seconds=BEAT_SECONDS * 0.8)[:, None]
    room = mix.ducking(TOTAL_SAMPLES, kicks, depth=0.8, seconds=0.16)[:, None]
    pads, plucks, lead, kit = _pads() * pump, _plucks(), _lead(), _kit()
    echo = mix.echoes(plucks, BEAT_SECONDS * 0.75, 0.42, 5) + mix.echoes(lead, BEAT_SECONDS * 0.75, 0.36, 4)
    hall = mix.reverb(0.55 * pads + 0.5 * plucks + 0.55 * lead + 0.3 * echo + 0.16 * kit, 2.6)
    melodic = plucks + lead + 0.8 * echo
    melodic *= 0.6 + 0.4 * pump
    return np.asarray(_kicks() + kit + _bass() * room + pads + melodic + 0.42 * hall * pump)


def _bus() -> np.ndarray:
    return np.zeros((TOTAL_SAMPLES, 2))


def _kicks() -> np.ndarray:
    bus = _bus()
    for hit in score.kicks():
        mix.add(
            bus,
            sample_at(hit.start),
            mix.panned(drums.kick(hit.number % drums.TAKES), 0.0),
            0.98 * hit.strength,
        )
    return bus


def _kit() -> np.ndarray:
    """Everything of the kit but the kick, which the room does not get."""
    bus = _bus()
    for hit in score.claps():
        mix.add(
            bus,
            sample_at(hit.start),
            mix.panned(drums.clap(hit.number % drums.TAKES), 0.05),
            1.1 * hit.strength,
        )
    for hit in score.roll():
        mix.add(bus, sample_at(hit.start), mix.panned(drums.snare(hit.number), -0.1), 0.95 * hit.strength)
    for hit in score.closed_hats():
        side = 0.25 if hit.number % 2 else 0.15
        mix.add(
            bus,
            sample_at(hit.start),
            mix.panned(drums.hat(hit.number % drums.TAKES, 0.03), side),
            0.62 * hit.strength,
        )
    for hit in score.open_hats():
        mix.add(
            bus,
            sample_at(hit.start),
            mix.panned(drums.hat(hit.number % drums.TAKES, 0.09), -0.2),
            0.6 * hit.strength,
        )
    rise = len(score.BUILD) * BAR_SECONDS - BEAT_SECONDS * 0.5
    mix.add(bus, sample_at(score.BUILD[0] * 4.0), mix.panned(drums.riser(rise), 0.0), 0.32)
    for bar in (score.DROP[0], score.OUTRO[0]):
        mix.add(bus, sample_at(bar * 4.0), mix.panned(drums.crash(), -0.15), 0.9)
    return bus


def _bass() -> np.ndarray:
    bus = _bus()
    for note in score.bass():
        sound = tones.bass(note.pitch, note.length * BEAT_SECONDS)
        mix.add(bus, sample_at(note.start), mix.panned(sound, 0.0), 0.62 * note.strength)
    return bus


def _pads() -> np.ndarray:
    bus = _bus()
    for note in score.pads():
        mix.add(bus, sample_at(note.start), tones.pad(note.pitch, note.length * BEAT_SECONDS + 0.4), 0.075)
    return mix.moving_lowpass(bus, _brightness_hz())


def _brightness_hz() -> np.ndarray:
    """How open the pads are: closed at first, opening through the build, open in the drop, breathing."""
    bars = np.array([0.0, 2.0, 4.0, 5.75, 6.0, 10.0, 10.3, 12.0, 14.0])
    hertz = np.array([420.0, 650.0, 800.0, 2600.0, 1900.0, 2300.0, 1100.0, 480.0, 300.0])
    time = np.arange(TOTAL_SAMPLES) / SAMPLE_RATE_HZ
    curve = np.interp(time / BAR_SECONDS, bars, np.log2(hertz))
    return np.asarray(2.0 ** (curve + 0.25 * np.sin(2 * np.pi * time / (BAR_SECONDS * 1.5))))


def _plucks() -> np.ndarray:
    bus = _bus()
    for number, note in enumerate(score.arpeggio()):
        sound = mix.panned(tones.pluck(note.pitch, note.strength), 0.55 * np.sin(number * 1.7))
        mix.add(bus, sample_at(note.start), sound, 0.17 * note.strength)
    return bus


def _lead() -> np.ndarray:
    bus = _bus()
    for note in score.melody():
        sound = tones.lead(note.pitch, note.length * BEAT_SECONDS)
        mix.add(bus, sample_at(note.start), mix.panned(sound, 0.0), 0.17 * note.strength)
    return bus
