"""A whole piece from its parameters: the mix, its stems, the score.

The mix is the sum of the stems: all that the desk does to more than one voice is linear, and the master is
one gain over time that each stem gets alike (`synth.master`). The same parameters give the same samples in
every process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.music import playing
from render.music.catalogue import GENRES
from render.music.chance import Chance
from render.music.composing.score import Score
from render.music.composing.whole import score_of
from render.music.genres import Genre
from render.music.parameters import ROLES, InvalidParameter, MusicParameters, check
from render.music.synth import desk, master
from render.music.synth.clock import SAMPLE_RATE_HZ, samples
from render.music.synth.desk import Bus
from render.music.synth.kits import KITS
from render.music.synth.patches import SOUNDS
from render.music.synth.strokes import add_wind

STEMS = ("drums", "bass", "melody", "other")
_STEM_OF = {"drums": "drums", "bass": "bass", "melody": "melody", "chords": "other", "colour": "other"}
_LEADING = -4.5  # the least level of a melody that was given, as the genre's levels
_PARTS_LUFS = -18.0  # what a part at level 0 of the genre is brought to before the master

Report = Callable[[float], None]


@dataclass(frozen=True)
class Piece:
    """float32 at 44.1 kHz, (n, 2), n = round(duration * 44100). `stems` has the four of STEMS, silent ones
    too.
    """

    parameters: MusicParameters
    score: Score
    mix: Bus
    stems: dict[str, Bus]
    lufs: float
    true_peak_dbtp: float


def compose(parameters: MusicParameters, report: Report | None = None) -> Piece:
    """Compose, play and master the piece. `report` hears parts of the work done, 0..1. Raises
    InvalidParameter.
    """
    check(parameters)
    _check_voices(parameters)
    told = report or (lambda part: None)
    score = score_of(parameters)
    genre = GENRES[parameters.genre]
    told(0.05)
    stems = _played(score, genre, parameters, told)
    mix = _summed(stems)
    gain = master.gain_curve(mix)[:, None]
    for stem in stems.values():
        stem *= gain
    mix = _summed(stems)
    told(1.0)
    peak = float(20.0 * np.log10(max(1e-9, master.true_peaks(mix).max())))
    return Piece(parameters, score, mix, stems, master.loudness_lufs(mix), peak)


def _check_voices(parameters: MusicParameters) -> None:
    """Raises InvalidParameter for a kit or a voice that there is not."""
    for role in ROLES:
        voice, known = getattr(parameters, role), KITS if role == "drums" else SOUNDS
        if voice is not None and voice not in known:
            raise InvalidParameter(role, f"has no {str(voice)[:40]!r}; it is one of {', '.join(known)}.")


def _summed(stems: dict[str, Bus]) -> Bus:
    total = stems[STEMS[0]].copy()
    for name in STEMS[1:]:
        total += stems[name]
    return total


def _played(score: Score, genre: Genre, parameters: MusicParameters, told: Report) -> dict[str, Bus]:
    """The stems before the master: parts at their levels, ducked, with room and echo, faded at the end."""
    count = samples(parameters.duration)
    seed = Chance.of(parameters.seed, parameters.variation, genre.name).bits("noise") & 0x3FFF_FFFF
    stems = {name: playing.new_bus(count) for name in STEMS}
    kicks = _kicks(score)
    for number, role in enumerate(ROLES):
        voice = getattr(parameters, role)
        if voice is not None:
            bus = _part(score, genre, parameters, role, voice, count, seed + number)
            _into(stems[_STEM_OF[role]], bus, role, voice, score, genre, kicks)
        told(0.1 + 0.15 * (number + 1))
    if genre.wind and parameters.chords is not None:
        wind = playing.new_bus(count)
        add_wind(wind, genre.wind, seed)
        stems["other"] += wind
    if genre.worn and parameters.chords is not None:
        stems["other"] = desk.taped(stems["other"], genre.worn, 0.012 * genre.worn, seed)
        stems["melody"] = desk.taped(stems["melody"], genre.worn, 0.0, seed)
    for stem in stems.values():
        if not stem.any():
            continue  # what is left out is exactly silent
        desk.cut(stem, 22.0, 20_000.0)
        desk.faded(stem, _fade_seconds(score))
    return stems


def _fade_seconds(score: Score) -> float:
    """The last chord fades over what is left after its first half second."""
    left = score.seconds - score.clock.seconds(score.clock.beat(score.bars))
    return float(min(2.5, max(0.35, left - 0.4)))


def _kicks(score: Score) -> np.ndarray:
    return np.array(
        [playing.sample_at(score.clock, hit.start) for hit in score.drums if hit.lane == "kick"], np.int64
    )


def _part(
    score: Score, genre: Genre, parameters: MusicParameters, role: str, voice: str, count: int, seed: int
) -> Bus:
    """One part alone and dry, at the loudness that the genre gives it."""
    bus = playing.new_bus(count)
    if role == "drums":
        playing.drums(bus, score.drums, voice, score.clock, score.harmony[-1].root, seed)
    else:
        playing.notes(bus, getattr(score, role), voice, score.clock, parameters.brightness, seed)
    if role in ("chords", "colour"):
        desk.sweep(bus, _opening(score, parameters))
    loudness = master.loudness_lufs(bus)
    level = getattr(genre.levels, role)
    if role == "melody" and parameters.tune:
        level = max(level, _LEADING)
    if np.isfinite(loudness):
        bus *= np.float32(10.0 ** ((_PARTS_LUFS + level - loudness) / 20.0))
    if role == "drums":
        rise = playing.new_bus(count)
        playing.risers(rise, score, genre, seed)
        bus += rise * np.float32(0.12)
    return bus


def _opening(score: Score, parameters: MusicParameters) -> np.ndarray:
    """How open the harmony is: closed in intro and break, opening through a build, open in a drop."""
    points: list[tuple[int, float]] = []
    bright = 2.0 ** (1.2 * (parameters.brightness - 0.5))
    for section in score.sections:
        start = playing.sample_at(score.clock, score.clock.beat(section.first_bar))
        end = playing.sample_at(score.clock, score.clock.beat(section.end_bar)) - samples(0.03)
        first, last = {
            "intro": (1400.0, 2400.0),
            "build": (2000.0, 7000.0),
            "drop": (13000.0, 13000.0),
            "break": (3000.0, 3500.0),
            "outro": (5000.0, 1500.0),
        }[section.kind]
        points += [(start, first * bright), (end, last * bright)]
    return desk.curve(samples(score.seconds), points)


def _into(stem: Bus, bus: Bus, role: str, voice: str, score: Score, genre: Genre, kicks: np.ndarray) -> None:
    """Add a part to its stem with ducking, echo and room."""
    space = genre.space
    strip = None if role == "drums" else SOUNDS[voice].strip
    if role != "drums" and space.pump > 0.0 and len(kicks):
        depth = space.pump * (0.9 if role in ("chords", "colour", "bass") else 0.4)
        desk.duck(bus, kicks, depth, samples(min(0.3, 0.75 * score.clock.beat_seconds)))
    if strip is not None and strip.echo > 0.0 and space.echo > 0.0:
        delay = max(64, samples(space.echo_beats * score.clock.beat_seconds))
        desk.add_echo(bus, bus, delay, 0.42, space.echo * strip.echo)
    stem += bus
    send = space.drums_reverb if strip is None else space.reverb * strip.reverb
    if send > 0.0:
        desk.add_reverb(stem, bus, space.reverb_seconds, 5200.0, 0.55 * send, samples(0.014))


__all__ = ["SAMPLE_RATE_HZ", "STEMS", "Piece", "compose"]
