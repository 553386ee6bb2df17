"""The score played: each part onto a bus of its own, through its strip of the desk."""

from __future__ import annotations

import math

import numpy as np

from render.music.chance import number_of
from render.music.composing.score import Clock, Hit, Note, Score
from render.music.genres import Genre
from render.music.synth import desk
from render.music.synth.clock import SAMPLE_RATE_HZ, samples
from render.music.synth.desk import Bus
from render.music.synth.kits import KITS, Drum
from render.music.synth.patches import SOUNDS, Sound
from render.music.synth.strokes import add_riser, strike
from render.music.synth.subtractive import Patch
from render.music.synth.subtractive import add_note as add_subtractive
from render.music.synth.tones import Modulated, Partials, add_modulated, add_partials, add_string

_TUNED_LANES = frozenset({"kick", "tom", "tomlow"})
_LOWEST_SKIN = 30  # 46 Hz; below it small speakers play nothing
_TAKES = 4  # noises of a stroke, so that equal strokes do not sound like a machine


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def new_bus(count: int) -> Bus:
    return np.zeros((count, 2), np.float32)


def sample_at(clock: Clock, beat: float) -> int:
    return round(beat * clock.beat_seconds * SAMPLE_RATE_HZ)


def notes(bus: Bus, played: list[Note], voice: str, clock: Clock, brightness: float, seed: int) -> None:
    """Add the notes of a voice to the bus and run it through the strip."""
    sound = _coloured(SOUNDS[voice], brightness)
    for number, note in enumerate(played):
        start = sample_at(clock, note.start)
        gate = max(64, samples(note.length * clock.beat_seconds))
        if 0 <= start < len(bus):
            _add(
                bus,
                start,
                gate,
                hertz(note.pitch),
                note.velocity,
                sound,
                (seed + 7919 * number) & 0x7FFF_FFFF,
            )
    if sound.strip.drive > 0.0:
        _levelled(bus, 0.16)
        desk.drive(bus, sound.strip.drive)
    desk.cut(bus, sound.strip.low_hz, sound.strip.high_hz)


def _coloured(sound: Sound, brightness: float) -> Sound:
    """Darker or brighter by up to an octave of cutoff, where the voice has a filter."""
    if not isinstance(sound.patch, Patch):
        return sound
    cutoff_hz = sound.patch.cutoff_hz * 2.0 ** (1.6 * (brightness - 0.5))
    return Sound(sound.patch._replace(cutoff_hz=cutoff_hz), sound.strip)


def _add(bus: Bus, start: int, gate: int, pitch_hz: float, velocity: float, sound: Sound, seed: int) -> None:
    patch = sound.patch
    if isinstance(patch, Patch):
        add_subtractive(bus, start, gate, pitch_hz, velocity, patch, seed)
    elif isinstance(patch, Modulated):
        add_modulated(bus, start, gate, pitch_hz, velocity, patch, seed)
    elif isinstance(patch, Partials):
        add_partials(bus, start, gate, pitch_hz, velocity, patch, seed)
    else:
        add_string(bus, start, gate, pitch_hz, velocity, patch, seed)


def _levelled(bus: Bus, wanted: float) -> None:
    """Bring the loud parts to a level at which the drive does the same whatever was played."""
    loud = np.percentile(np.abs(bus[::16]).max(axis=1), 95.0)
    if loud > 1e-6:
        bus *= np.float32(wanted / loud)


def drums(bus: Bus, hits: list[Hit], kit_name: str, clock: Clock, tonic: int, seed: int) -> None:
    """Add every stroke of the kit to the bus, its skins tuned to the tonic (0 is C) or the fifth above it."""
    kit = {lane: _tuned(lane, drum, tonic) for lane, drum in KITS[kit_name].items()}
    takes: dict[tuple[str, int], np.ndarray] = {}
    counts: dict[str, int] = {}
    for hit in hits:
        drum = kit[hit.lane]
        take = counts.get(hit.lane, 0) % _TAKES
        counts[hit.lane] = counts.get(hit.lane, 0) + 1
        if (hit.lane, take) not in takes:
            takes[hit.lane, take] = _stroke(drum, (number_of(hit.lane) + take * 101 + seed) & 0x7FFF_FFFF)
        _place(bus, sample_at(clock, hit.start), takes[hit.lane, take], hit.velocity**1.3)


def _tuned(lane: str, drum: Drum, tonic: int) -> Drum:
    """The kick and the toms at the tonic or the fifth nearest to where they are: a skin beside the key is a
    wrong note.
    """
    if lane not in _TUNED_LANES:
        return drum
    pitch = 69.0 + 12.0 * math.log2(drum.stroke.skin_hz / 440.0)
    near = [one for one in range(_LOWEST_SKIN, 81) if (one - tonic) % 12 in (0, 7)]
    tuned = min(near, key=lambda one: abs(one - pitch))
    return Drum(drum.stroke._replace(skin_hz=hertz(tuned)), drum.level, drum.place)


def _stroke(drum: Drum, seed: int) -> np.ndarray:
    """One stroke in stereo (n, 2), its peak at the drum's level."""
    mono = np.zeros(samples(drum.stroke.seconds))
    strike(mono, drum.stroke, seed)
    mono *= drum.level / max(1e-9, float(np.abs(mono).max()))
    angle = (drum.place + 1.0) * math.pi / 4.0
    return np.stack([mono * math.cos(angle), mono * math.sin(angle)], axis=1).astype(np.float32)


def _place(bus: Bus, start: int, sound: np.ndarray, gain: float) -> None:
    end = min(start + len(sound), len(bus))
    if end > start:
        bus[start:end] += np.float32(gain) * sound[: end - start]


def risers(bus: Bus, score: Score, genre: Genre, seed: int) -> None:
    """Noise that climbs through each build into what follows; it stops a moment before."""
    if not genre.rise:
        return
    for number, section in enumerate(score.sections):
        if section.kind == "build":
            bars = min(section.bars, 4)
            start = sample_at(score.clock, score.clock.beat(section.end_bar - bars))
            count = sample_at(score.clock, score.clock.beat(section.end_bar)) - start - samples(0.02)
            add_riser(bus, start, count, 0.5, seed + number)
