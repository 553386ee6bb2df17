"""The drummer: the genre's groove by section, fills into the next one, rolls of a build."""

from __future__ import annotations

from collections.abc import Mapping

from render.music.chance import Chance
from render.music.composing.hands import late_beats, strength
from render.music.composing.patterns import strokes
from render.music.composing.score import Clock, Hit, Score, Section
from render.music.genres import Genre

_ODD_METERS: dict[str, dict[str, str]] = {
    "3/4": {"kick": "X...........", "snare": "....x...x...", "clap": "....x...x...", "rim": "....x...x..."},
    "6/8": {"kick": "X.......o...", "snare": "......X.....", "clap": "......X.....", "rim": "......x....."},
}
_ODD_TIMES: dict[str, str] = {"3/4": "x.o.x.o.x.o.", "6/8": "x.o.o.x.o.o."}
_TIME_LANES = ("hat", "ride", "shaker")
_FILLS = (
    (("snare", 8, 0.6), ("snare", 10, 0.7), ("tom", 11, 0.7), ("tom", 12, 0.8), ("tomlow", 14, 0.9)),
    (("snare", 12, 0.7), ("snare", 13, 0.5), ("snare", 14, 0.8), ("tomlow", 15, 0.9)),
    (("tom", 8, 0.7), ("tom", 10, 0.75), ("tomlow", 12, 0.85), ("tomlow", 14, 0.9)),
)
_HEAVY = frozenset({"kick", "snare", "clap"})


def play(score: Score, genre: Genre, density: float, chance: Chance) -> list[Hit]:
    hits: list[Hit] = []
    for section in score.sections:
        for bar in range(section.first_bar, section.end_bar):
            hits += _bar(score, section, bar, genre, density, chance)
        if section.is_full and genre.energy > 0.4:
            hits.append(Hit(score.clock.beat(section.first_bar), "crash", 0.8))
    if genre.energy > 0.3:
        end = score.clock.beat(score.bars)
        hits += [Hit(end, "kick", 0.9), Hit(end, "crash", 0.75)]
    return sorted(hits, key=lambda hit: (hit.start, hit.lane))


def _bar(score: Score, section: Section, bar: int, genre: Genre, density: float, chance: Chance) -> list[Hit]:
    clock = score.clock
    last = bar == section.end_bar - 1
    fill: list[tuple[str, int, float]] = []
    rolls = genre.rise and section.kind == "build" and last
    if rolls:
        fill = _roll(clock.steps_a_bar)
    elif last and _fills_in(score, section, genre):
        fill = _fill(clock.steps_a_bar, genre, chance, bar)
    quiet_from = fill[0][1] if fill else clock.steps_a_bar
    hits = []
    for lane, pattern in _patterns(section, genre, clock.meter).items():
        for step, wanted in strokes(pattern, bar, clock.steps_a_bar):
            if step >= quiet_from and (lane in _HEAVY or rolls):
                continue
            if wanted < 0.5 and chance.unit("ghost", lane, bar, step) > 0.45 + 0.55 * density:
                continue
            hits.append(_hit(clock, lane, bar, step, wanted * _level(section), genre, chance))
    hits += [_hit(clock, lane, bar, step, wanted, genre, chance) for lane, step, wanted in fill]
    return hits


def _hit(clock: Clock, lane: str, bar: int, step: int, wanted: float, genre: Genre, chance: Chance) -> Hit:
    loose = genre.humanised * (0.25 if lane == "kick" else 1.0)
    start = clock.beat(bar, step) + late_beats(clock, loose, chance, "drums", lane, bar, step)
    return Hit(start, lane, strength(wanted, loose, chance, "drums", lane, bar, step))


def _level(section: Section) -> float:
    return {"drop": 1.0, "build": 0.85, "intro": 0.62, "outro": 0.68, "break": 0.5}[section.kind]


def _patterns(section: Section, genre: Genre, meter: str) -> Mapping[str, str]:
    whole = section.is_full or (section.kind == "build" and not genre.rise)
    chosen = dict(genre.groove.full if whole else genre.groove.light)
    if section.kind == "break" or (section.kind == "intro" and genre.energy < 0.75):
        chosen.pop("kick", None)
    if meter in _ODD_METERS:
        for lane in chosen:
            chosen[lane] = _ODD_METERS[meter].get(lane, chosen[lane])
            if lane in _TIME_LANES:
                chosen[lane] = _ODD_TIMES[meter]
    return chosen


def _fills_in(score: Score, section: Section, genre: Genre) -> bool:
    """Into the next section, where there is one and drums play on; ambient music has no fills."""
    return genre.energy > 0.4 and section.end_bar < score.bars and section.kind in ("drop", "build", "intro")


def _fill(steps: int, genre: Genre, chance: Chance, bar: int) -> list[tuple[str, int, float]]:
    if steps != 16:
        return [("snare", steps - 4, 0.6), ("snare", steps - 2, 0.8), ("tomlow", steps - 1, 0.8)]
    if genre.rise and genre.swing > 0.5:
        return [("clap", 12, 0.7), ("clap", 14, 0.8), ("clap", 15, 0.8)]
    return list(chance.pick(_FILLS, "fill", bar))


def _roll(steps: int) -> list[tuple[str, int, float]]:
    """Eighths, then sixteenths, louder and louder; the last two steps are a breath before the drop."""
    half = steps // 2
    places = [*range(0, half, 2), *range(half, steps - 2)]
    return [("snare", step, 0.3 + 0.5 * step / steps) for step in places]
