"""Words and arguments become parameters: a lexicon, no model, the same answer each time. Light.

What the prompt says explicitly wins over the arguments, because a caller's default cannot be told from a
choice: "128 bpm", "in F# minor", "30 seconds", "6/8", "no drums", "piano", a genre. Words that no lexicon
knows, other scripts and emoji are no error; they only vary the piece.
"""

from __future__ import annotations

from render.music import keys
from render.music.catalogue import DEFAULT_GENRE, GENRES
from render.music.chance import Chance, number_of
from render.music.genres import Genre
from render.music.heard import Heard, written_out
from render.music.parameters import (
    DEFAULT_BPM,
    DEFAULT_SECONDS,
    MAX_BPM,
    MAX_MOOD_CHARACTERS,
    MAX_PROMPT_CHARACTERS,
    MAX_SECONDS,
    MIN_BPM,
    MIN_SECONDS,
    ROLES,
    InvalidParameter,
    MusicParameters,
    check,
    in_range,
)


def resolve(
    prompt: str,
    mood: str = "neutral",
    bpm: float | None = None,
    key: str | None = None,
    duration: float | None = None,
    seed: int | None = None,
) -> MusicParameters:
    """The parameters of a piece.

    `bpm` 40..300 and `duration` 5..300 s as arguments; in words they are brought into these ranges. A `bpm`
    that is only the default (120) gives way to a speed in the prompt ("slow"), and to the tempo of a genre
    that it names and that is never so fast or slow. Without a seed, one is made of all the others, so the
    same request is the same piece.

    Raises InvalidParameter, which names the field.
    """
    _check_arguments(prompt, mood, bpm, key, duration, seed)
    heard = Heard.of(prompt)
    genre = GENRES[heard.genre or _genre_of(mood) or DEFAULT_GENRE]
    variation = number_of(" ".join(heard.unknown)) & 0x7FFF_FFFF if heard.unknown else 0
    if seed is None:
        seed = number_of(f"{heard.text}|{mood}|{bpm}|{key}|{duration}") & 0x7FFF_FFFF
    chance = Chance.of(seed, variation, genre.name)
    valence, energy, brightness = _feeling(heard, mood, genre)
    voices = _voices(heard, genre)
    made = MusicParameters(
        genre=genre.name,
        bpm=_bpm(heard, genre, bpm, energy, chance),
        key=_key(heard, genre, key, valence, chance).name,
        meter=heard.meter or "4/4",
        duration=heard.seconds or (DEFAULT_SECONDS if duration is None else float(duration)),
        seed=seed,
        variation=variation,
        valence=valence,
        energy=energy,
        brightness=brightness,
        density=round(min(1.0, max(0.0, 0.25 + 0.55 * energy + 0.15 * chance.around("density"))), 3),
        swing=genre.swing,
        drums=voices["drums"],
        bass=voices["bass"],
        chords=voices["chords"],
        colour=voices["colour"],
        melody=voices["melody"],
        heard=tuple(heard.notes),
    )
    check(made)
    return made


def _check_arguments(
    prompt: str, mood: str, bpm: float | None, key: str | None, duration: float | None, seed: int | None
) -> None:
    _check_text("prompt", prompt, MAX_PROMPT_CHARACTERS)
    _check_text("mood", mood, MAX_MOOD_CHARACTERS)
    if bpm is not None:
        in_range("bpm", bpm, MIN_BPM, MAX_BPM)
    if duration is not None:
        in_range("duration", duration, MIN_SECONDS, MAX_SECONDS, " seconds")
    if key is not None and keys.parse(key) is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise InvalidParameter("seed", "must be a whole number of 64 bits.")


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidParameter(field, f"is at most {longest:,} characters, not {len(text):,}.")
    length = len(written_out(text))
    if length > longest:
        raise InvalidParameter(
            field, f"is at most {longest:,} characters, not {length:,} (ligatures are counted written out)."
        )


def _genre_of(mood: str) -> str | None:
    return Heard.of(mood).genre


def _feeling(heard: Heard, mood: str, genre: Genre) -> tuple[float, float, float]:
    """Valence, energy and brightness of all the moods named, around what the genre has."""
    feelings = heard.feelings + Heard.of(mood).feelings
    count = max(1, len(feelings))
    valence, energy, brightness = (sum(one[axis] for one in feelings) / count for axis in range(3))
    return (
        round(min(1.0, max(-1.0, valence)), 3),
        round(min(1.0, max(0.0, genre.energy + 0.3 * energy)), 3),
        round(min(1.0, max(0.0, 0.5 + 0.4 * brightness)), 3),
    )


def _bpm(heard: Heard, genre: Genre, given: float | None, energy: float, chance: Chance) -> float:
    if heard.bpm is not None:
        return heard.bpm
    slowest, usual, fastest = genre.bpm
    is_unlike = heard.genre is not None and not slowest <= DEFAULT_BPM <= fastest
    if given is not None and not (given == DEFAULT_BPM and (heard.speed or is_unlike)):
        return float(given)
    way = heard.speed or 0.8 * (energy - genre.energy) + 0.35 * chance.around("tempo")
    reach = fastest - usual if way > 0 else usual - slowest
    return float(round(usual + min(1.0, max(-1.0, way)) * reach))


def _key(heard: Heard, genre: Genre, given: str | None, valence: float, chance: Chance) -> keys.Key:
    if heard.key is not None:
        return heard.key
    named = keys.parse(given) if given is not None else None
    if named is not None:
        return named
    if heard.mode is not None:
        mode = heard.mode
    else:
        minor = genre.minor - 0.75 * valence
        mode = "minor" if chance.unit("mode") < minor else "major"
    return keys.spelled(chance.bits("tonic") % 12, mode)


def _voices(heard: Heard, genre: Genre) -> dict[str, str | None]:
    """The genre's voices, those that the prompt names in their place, and none where it wants none or
    refuses all that could play."""
    own = {"drums": genre.kit, "bass": genre.bass, "chords": genre.chords}
    chosen: dict[str, str | None] = {**own, "colour": genre.colour, "melody": genre.melody, **heard.voices}
    for role in ROLES:
        if role in heard.without or (
            chosen[role] in heard.unwanted and role not in ("bass", "chords", "melody")
        ):
            chosen[role] = None
        elif chosen[role] in heard.unwanted:
            chosen[role] = next((name for name in _INSTEAD[role] if name not in heard.unwanted), None)
    return chosen


_INSTEAD = {
    "bass": ("round", "upright", "deep", "picked"),
    "chords": ("pad", "rhodes", "piano", "organ"),
    "melody": ("lead", "bell", "flute", "vibes"),
}
