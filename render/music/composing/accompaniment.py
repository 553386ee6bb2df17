"""Chords and colour: held, in the genre's rhythm, or broken into arpeggios."""

from __future__ import annotations

from render.music.chance import Chance
from render.music.composing.hands import late_beats, strength
from render.music.composing.harmony import Voicing, voiced, weights
from render.music.composing.patterns import strokes, until_next
from render.music.composing.score import Note, Score, Section
from render.music.genres import Genre
from render.music.instruments import INSTRUMENTS

_TURNS = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 3), (0, 2, 3, 1, 2, 3))


def chords(score: Score, genre: Genre, voice: str, chance: Chance) -> list[Note]:
    """The harmony, in every section, struck a last time at the end."""
    voicings = voiced(score.harmony, INSTRUMENTS[voice].voicing)
    pattern = _pattern_for(voice, genre)
    notes: list[Note] = []
    for section in score.sections:
        sparse = section.kind in ("intro", "break", "outro") and not genre.rise
        if pattern == "pad" or (sparse and INSTRUMENTS[voice].longest > 1.0):
            notes += _held(score, section, voicings, voice, genre, chance)
        else:
            notes += _struck(score, section, voicings, voice, pattern, genre, chance)
    return notes + _last(score, voicings[-1], voice)


def colour(score: Score, genre: Genre, voice: str, chance: Chance) -> list[Note]:
    """The second layer: silent in the outro, and in a build only if it is an arpeggio."""
    voicings = voiced(score.harmony, INSTRUMENTS[voice].voicing)
    notes: list[Note] = []
    broken = genre.colour_pattern.startswith("arp") or voice in ("pluck", "harp")
    for section in score.sections:
        if section.kind == "outro" or (section.kind in ("intro", "build") and not broken):
            continue
        if broken:
            notes += _broken(score, section, voicings, voice, genre, chance)
        elif genre.colour_pattern == "pad":
            notes += _held(score, section, voicings, voice, genre, chance)
        else:
            notes += _riff(score, section, voicings, voice, genre, chance)
    octave = 12 * INSTRUMENTS[voice].octaves
    return [Note(one.start, one.length, one.pitch + octave, one.velocity) for one in notes]


def _pattern_for(voice: str, genre: Genre) -> str:
    """A voice that the prompt asked for plays the genre's rhythm, but a pad is held."""
    return "pad" if voice in ("pad", "wide pad", "dark pad", "strings", "brass pad") else genre.chord_pattern


def _spans(score: Score, section: Section) -> list[tuple[int, float, float]]:
    """The chords of a section: their number, and the beats from which and to which they sound."""
    bars = score.clock.beats_a_bar
    return [
        (number, chord.first_bar * bars, chord.end_bar * bars)
        for number, chord in enumerate(score.harmony)
        if section.first_bar <= chord.first_bar < section.end_bar
    ]


def _held(
    score: Score, section: Section, voicings: list[Voicing], voice: str, genre: Genre, chance: Chance
) -> list[Note]:
    notes = []
    longest = INSTRUMENTS[voice].longest / score.clock.beat_seconds
    for number, start, end in _spans(score, section):
        loudness = weights(score.harmony[number], voicings[number])
        for place, pitch in enumerate(voicings[number]):
            late = late_beats(score.clock, genre.humanised, chance, "held", number, place)
            wanted = (0.55 + 0.3 * section.level) * loudness[place]
            notes.append(Note(start + late, min(longest, end - start), pitch, wanted))
    return notes


def _struck(
    score: Score,
    section: Section,
    voicings: list[Voicing],
    voice: str,
    pattern: str,
    genre: Genre,
    chance: Chance,
) -> list[Note]:
    notes = []
    clock = score.clock
    longest = INSTRUMENTS[voice].longest / clock.beat_seconds
    for bar in range(section.first_bar, section.end_bar):
        played = list(strokes(pattern, bar, clock.steps_a_bar))
        places = [step for step, _ in played]
        for number, (step, wanted) in enumerate(played):
            chord = score.harmony.index(score.chord_at(bar + step / clock.steps_a_bar))
            start = clock.beat(bar, step)
            end = clock.beat(bar, step + until_next(places, number, clock.steps_a_bar))
            level = strength(wanted * (0.6 + 0.4 * section.level), genre.humanised, chance, voice, bar, step)
            loudness = weights(score.harmony[chord], voicings[chord])
            for place, pitch in enumerate(voicings[chord]):
                late = late_beats(clock, genre.humanised, chance, voice, bar, step)
                strum = 0.004 * place * genre.humanised / clock.beat_seconds
                notes.append(
                    Note(
                        start + late + strum, 0.92 * min(longest, end - start), pitch, level * loudness[place]
                    )
                )
    return notes


def _broken(
    score: Score, section: Section, voicings: list[Voicing], voice: str, genre: Genre, chance: Chance
) -> list[Note]:
    """An arpeggio over the voicing and its octave, in sixteenths or eighths, thinner where it is quiet."""
    clock = score.clock
    stride = 2 if genre.colour_pattern == "arp8" or section.level < 0.6 else 1
    turn = chance.pick(_TURNS, "arpeggio")
    longest = INSTRUMENTS[voice].longest / clock.beat_seconds
    notes = []
    for bar in range(section.first_bar, section.end_bar):
        for count, step in enumerate(range(0, clock.steps_a_bar, stride)):
            voicing = voicings[score.harmony.index(score.chord_at(bar + step / clock.steps_a_bar))]
            ladder = (*voicing, voicing[0] + 12, voicing[min(1, len(voicing) - 1)] + 12)
            pitch = ladder[turn[count % len(turn)] % len(ladder)]
            if count % 8 >= 6 and bar % 2:
                pitch += 12
            accent = 0.85 if step % clock.steps_a_beat == 0 else 0.62
            length = min(longest, 0.9 * stride / clock.steps_a_beat)
            notes.append(Note(clock.beat(bar, step), length, pitch, accent * (0.55 + 0.45 * section.level)))
    return notes


def _riff(
    score: Score, section: Section, voicings: list[Voicing], voice: str, genre: Genre, chance: Chance
) -> list[Note]:
    """Single tones of the chord in the colour's own rhythm; horns play all of it."""
    if INSTRUMENTS[voice].voicing == "top" or voice == "organ":
        return _struck(score, section, voicings, voice, genre.colour_pattern, genre, chance)
    clock = score.clock
    longest = INSTRUMENTS[voice].longest / clock.beat_seconds
    notes = []
    for bar in range(section.first_bar, section.end_bar):
        for step, wanted in strokes(genre.colour_pattern, bar, clock.steps_a_bar):
            voicing = voicings[score.harmony.index(score.chord_at(bar + step / clock.steps_a_bar))]
            pitch = voicing[chance.bits("riff", step, bar % 2) % len(voicing)]
            leap = 12 if chance.unit("leap", step, bar % 4) < 0.2 else 0
            velocity = wanted * (0.5 + 0.5 * chance.unit("accent", step)) * (0.6 + 0.4 * section.level)
            notes.append(Note(clock.beat(bar, step), longest * 0.9, pitch + leap, velocity))
    return notes


def _last(score: Score, voicing: Voicing, voice: str) -> list[Note]:
    start = score.clock.beat(score.bars)
    length = min(max(INSTRUMENTS[voice].longest, 0.5) / score.clock.beat_seconds, score.end_beat - start)
    return [Note(start, length, pitch, 0.75) for pitch in voicing]
