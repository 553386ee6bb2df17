"""The whole score of a piece."""

from __future__ import annotations

from render.music import keys
from render.music.catalogue import GENRES
from render.music.chance import Chance
from render.music.composing import accompaniment, bass, drums, form, harmony, led, melody
from render.music.composing.score import Clock, Score
from render.music.parameters import InvalidParameter, MusicParameters


def score_of(parameters: MusicParameters) -> Score:
    """What is played. Raises InvalidParameter for a genre or a key that there is not."""
    genre = GENRES.get(parameters.genre)
    key = keys.parse(parameters.key)
    if genre is None:
        raise InvalidParameter("genre", f"is one of {', '.join(GENRES)}.")
    if key is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    chance = Chance.of(parameters.seed, parameters.variation, genre.name)
    swing = parameters.swing if parameters.meter == "4/4" else 0.5
    clock = Clock(parameters.bpm, parameters.meter, swing, genre.swing_steps)
    bars = form.bars_in(clock, parameters.duration)
    tune = parameters.tune
    if tune:
        sections, statements = led.stated(tune, clock, bars, genre)
        chords = led.harmony(tune, sections, clock, genre, key, chance)
    else:
        sections, statements = form.sections(bars), []
        chords = harmony.progression(sections, genre, key, chance, genre.depth)
    score = Score(clock, bars, parameters.duration, sections, chords)
    if parameters.drums is not None:
        score.drums = drums.play(score, genre, parameters.density, chance)
    if parameters.bass is not None:
        score.bass = bass.play(score, genre, parameters.bass, key, chance)
    if parameters.chords is not None:
        score.chords = accompaniment.chords(score, genre, parameters.chords, chance)
    if parameters.colour is not None:
        score.colour = accompaniment.colour(score, genre, parameters.colour, chance)
    if parameters.melody is not None and tune:
        score.melody = led.melody(score, statements, genre, parameters.melody, key, chance)
    elif parameters.melody is not None:
        score.melody = melody.play(score, genre, parameters.melody, key, parameters.density, chance)
    return score
