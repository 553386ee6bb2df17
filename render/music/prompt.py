"""Words and arguments become parameters: a lexicon, no model, the same answer each time. Light.

What the prompt says explicitly wins over the arguments, because a caller's default cannot be told from a
choice:
"128 bpm", "in F# minor", "30 seconds", "6/8", "no drums", "piano", a genre. Words that no lexicon knows,
    other
scripts and emoji are no error; they only vary the piece. Every expression here is linear in the prompt's
length.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from render.music import keys, lexicon
from render.music.catalogue import DEFAULT_GENRE, GENRES
from render.music.chance import Chance, number_of
from render.music.genres import Genre
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

_BPM = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d{1,3})?)[ -]?(?:bpm|beats per minute)\b"
    r"|\b(?:bpm|tempo)[ :=]{1,3}(\d{2,3})\b"
)
_SECONDS = re.compile(r"(?<![\d.:])(\d{1,4}(?:\.\d{1,3})?)(?: |-)?(seconds?|secs?|s|minutes?|mins?)\b")
_KEY = re.compile(
    r"(?:\b(in|key of|key|key:)(?: the key of)? )?(?<![\w'#])([A-Ga-g])"
    r"(?: ?(#|♯|♭|b(?=[\s-])|sharp|flat)|-(sharp|flat))?[ -]?"
    rf"({keys.MODE_WORDS}|m)(?![\w#])",
    re.IGNORECASE,
)
_BARE_KEY = re.compile(
    r"\b(?:[Ii]n|[Kk]ey(?: of|:)?) ([A-G])(#|♯|♭|b)?(?![\w#'])(?! [a-z]+ (?:mood|way|style)\b)"
)
_WITHOUT = re.compile(r"\b(?:no|without|minus|excluding|sans|zero) (?:any |the |more )?([a-z0-9 &]{2,60})")
_ONLY = re.compile(
    r"\b(?:only|just|solo) (?:the |a |some )?([a-z]{3,12})\b|\b(drum|bass)(?: loop| solo| only)\b"
)
_MODE_ONLY = re.compile(r"\b(minor|major)\b")
_WORDS = re.compile(r"[\w&'#/]+")
_DECADES = frozenset({"50", "60", "70", "80", "90"})
_LONGEST_PHRASE = 4
_JOINING = frozenset({"and", "or", "nor", "no", "&", "any", "the"})
_REFUSING = frozenset({"no", "not", "without"})


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
    that is
    only the default (120) gives way to the tempo of a genre that the prompt names and that is never so fast
    or
    slow. Without a seed, one is made of all the others, so the same request is the same piece.

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
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InvalidParameter(
            "prompt", f"is at most {MAX_PROMPT_CHARACTERS:,} characters, not {len(prompt):,}."
        )
    if len(mood) > MAX_MOOD_CHARACTERS:
        raise InvalidParameter("mood", f"is at most {MAX_MOOD_CHARACTERS} characters, not {len(mood):,}.")
    if bpm is not None:
        in_range("bpm", bpm, MIN_BPM, MAX_BPM)
    if duration is not None:
        in_range("duration", duration, MIN_SECONDS, MAX_SECONDS, " seconds")
    if key is not None and keys.parse(key) is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise InvalidParameter("seed", "must be a whole number of 64 bits.")


@dataclass
class Heard:
    """What the words of a prompt say; None and empty where they say nothing."""

    text: str
    genre: str | None = None
    bpm: float | None = None
    key: keys.Key | None = None
    mode: str | None = None
    seconds: float | None = None
    meter: str | None = None
    speed: float = 0.0
    feelings: list[tuple[float, float, float]] = field(default_factory=list)
    voices: dict[str, str] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    unwanted: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, prompt: str) -> Heard:
        written = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", prompt)).strip()
        heard = cls(written.casefold())
        heard._tempo()
        heard._length()
        heard._tonality(written)
        heard._left_out()
        heard._phrases()
        return heard

    def note(self, what: str, words: str) -> None:
        self.notes.append(f"{what}: {words.strip()[:60]}")

    def _tempo(self) -> None:
        found = _BPM.search(self.text)
        if found:
            self.bpm = min(MAX_BPM, max(MIN_BPM, float(found[1] or found[2])))
            self.note("bpm", found[0])

    def _length(self) -> None:
        for found in _SECONDS.finditer(self.text):
            if found[1] in _DECADES and found[0].endswith(f"{found[1]}s"):
                continue  # "80s" is a decade
            seconds = float(found[1]) * (60.0 if found[2].startswith("min") else 1.0)
            self.seconds = min(MAX_SECONDS, max(MIN_SECONDS, seconds))
            self.note("duration", found[0])
            return

    def _tonality(self, written: str) -> None:
        for found in _KEY.finditer(written):
            prefix, letter, sign, dashed, mode = found.groups()
            article = letter == "a" and not sign and not dashed  # "a minor change", "a major drop"
            after = written[found.end() : found.end() + 7].strip().lower()
            if article and (after.startswith(("key", "mood", "feel", "mode")) or not prefix):
                continue
            self.key = keys.of_parts(letter, (sign or dashed or "").replace("♯", "#").replace("♭", "b"), mode)
            self.note("key", found[0])
            return
        bare = _BARE_KEY.search(written)
        if bare and not (bare[1] == "A" and not bare[2] and bare[0].lower().startswith("in")):
            mode = self._mode() or "major"
            self.key = keys.of_parts(bare[1], bare[2] or "", mode)
            self.note("key", bare[0])
            return
        self.mode = self._mode()

    def _mode(self) -> str | None:
        found = _MODE_ONLY.search(self.text)
        return found[1] if found else None

    def _left_out(self) -> None:
        """Take "no drums and bass" out of the text, as far as it names what can be left out."""
        self.text = _WITHOUT.sub(self._refused, self.text)
        if re.search(r"\b(?:drumless|beatless)\b", self.text):
            self._leave_out("drums")
            self.note("without", "drums")
        for found in _ONLY.finditer(self.text):
            roles = lexicon.ROLE_WORDS.get(found[1] or found[2])
            if roles:
                self.without |= set(ROLES) - set(roles)
                self.note("only", found[0])

    def _refused(self, found: re.Match[str]) -> str:
        words = found[1].split()
        taken = end = 0
        while taken < len(words):
            two = " ".join(words[taken : taken + 2])
            if taken + 1 < len(words) and self._leave_out(two):
                end = taken = taken + 2
            elif self._leave_out(words[taken]):
                end = taken = taken + 1
            elif end and words[taken] in _JOINING:
                taken += 1
            else:
                break
        if not end:
            return found[0]
        self.note("without", " ".join(words[:end]))
        return " " + " ".join(words[end:])

    def _leave_out(self, word: str) -> bool:
        if word in lexicon.ROLE_WORDS:
            self.without |= set(lexicon.ROLE_WORDS[word])
        elif word in lexicon.INSTRUMENT_WORDS:
            self.unwanted.add(lexicon.INSTRUMENT_WORDS[word][1])
        else:
            return False
        return True

    def _phrases(self) -> None:
        """The longest known phrase at each place; a genre named first stays."""
        words = _WORDS.findall(self.text.replace("-", " "))
        at = 0
        while at < len(words):
            for size in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
                if self._take(" ".join(words[at : at + size]), words[at - 1] if at else ""):
                    break
            else:
                size = 1
                self.unknown.append(words[at])
            at += size

    def _take(self, phrase: str, before: str) -> bool:
        known = False
        genre = _GENRE_OF.get(phrase)
        if genre:
            known = True
            if self.genre is None and before not in _REFUSING:
                self.genre = genre
                self.note("genre", phrase)
        if phrase in lexicon.MOOD_WORDS:
            known = True
            force = lexicon.INTENSIFIERS.get(before, 1.0)
            valence, energy, brightness = lexicon.MOOD_WORDS[phrase]
            self.feelings.append((force * valence, force * energy, force * brightness))
            self.note("mood", phrase)
        if phrase in lexicon.INSTRUMENT_WORDS:
            known = True
            role, voice = lexicon.INSTRUMENT_WORDS[phrase]
            if role not in self.voices and role not in self.without:
                self.voices[role] = voice
                self.note(role, phrase)
        if phrase in lexicon.SPEED_WORDS:
            known = True
            self.speed = lexicon.SPEED_WORDS[phrase]
        if phrase in lexicon.TEMPO_WORDS and self.bpm is None:
            known = True
            self.bpm = lexicon.TEMPO_WORDS[phrase]
            self.note("bpm", phrase)
        if phrase in lexicon.METER_WORDS and self.meter is None:
            known = True
            self.meter = lexicon.METER_WORDS[phrase]
            self.note("meter", phrase)
        return known


_GENRE_OF = {phrase: genre for genre, phrases in lexicon.GENRE_WORDS.items() for phrase in phrases}


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
    if given is not None and not (given == DEFAULT_BPM and heard.genre and not slowest <= given <= fastest):
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
        mode = genre.mode_minor if chance.unit("mode") < minor else "major"
    return keys.spelled(chance.bits("tonic") % 12, mode)


def _voices(heard: Heard, genre: Genre) -> dict[str, str | None]:
    """The genre's voices, those that the prompt names in their place, and none where it wants none."""
    own = {"drums": genre.kit, "bass": genre.bass, "chords": genre.chords}
    chosen: dict[str, str | None] = {**own, "colour": genre.colour, "melody": genre.melody, **heard.voices}
    for role in ROLES:
        if role in heard.without or (
            chosen[role] in heard.unwanted and role not in ("bass", "chords", "melody")
        ):
            chosen[role] = None
        elif chosen[role] in heard.unwanted:
            chosen[role] = next(name for name in _INSTEAD[role] if name not in heard.unwanted)
    return chosen


_INSTEAD = {
    "bass": ("round", "upright", "deep", "picked"),
    "chords": ("pad", "rhodes", "piano", "organ"),
    "melody": ("lead", "bell", "flute", "vibes"),
}
