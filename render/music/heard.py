"""What the words of a prompt say: tempo, key, length, meter, genre, moods, instruments, and what is unwanted.

Light. Every expression here is linear in the prompt's length.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from render.music import keys, lexicon
from render.music.parameters import MAX_BPM, MAX_PROMPT_CHARACTERS, MAX_SECONDS, MIN_BPM, MIN_SECONDS, ROLES

_BPM = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d{1,3})?)[ -]?(?:bpm|beats per minute)\b"
    r"|\b(?:bpm|tempo)[ :=]{1,3}(\d{2,3})\b"
)
_SECONDS = re.compile(r"(?<![\d.:])(\d{1,4}(?:\.\d{1,3})?)(?: |-)?(seconds?|secs?|s|minutes?|mins?)\b")
_KEY = re.compile(
    r"(?:\b(in|key of|key|key:)(?: the key of)? )?(?<![\w'#])([A-Ga-g])"
    r"(?a:(?: ?(#|♯|♭|b(?=[\s-])|sharp|flat)|-(sharp|flat))?[ -]?"  # ASCII: "mınor" is no mode
    rf"({keys.MODE_WORDS}|m))(?![\w#])",
    re.IGNORECASE,
)
_BARE_KEY = re.compile(
    r"\b(?:[Ii]n|[Kk]ey(?: of|:)?) ([A-G])(#|♯|♭|b|[ -](?ai:sharp|flat)\b)?(?![\w#']|-\w)"
    r"(?! [a-z]+ (?:mood|way|style)\b)"
)
_WITHOUT = re.compile(r"\b(?:no|without|minus|excluding|sans|zero) (?:any |the |more )?([a-z0-9 &]{2,60})")
_PLAYER = "|".join(
    sorted(
        map(re.escape, {*lexicon.ROLE_WORDS, *lexicon.INSTRUMENT_WORDS}), key=lambda word: (-len(word), word)
    )
)
_PLAYERS = rf"(?:the |an? |some )?(?:{_PLAYER})\b(?: (?:and|&) (?:the |an? |some )?(?:{_PLAYER})\b){{0,4}}"
_ONLY = re.compile(
    # "with a solo violin" there are others too
    rf"(?<!\bnot )(?<!\bwith )(?<!\bwith a )\b(?:only|just|solo) ({_PLAYERS})"
    rf"|\b({_PLAYERS}) only\b"
    r"|\b(drums?|percussion|bass|melody|chords|pads)(?: loop| solo)\b"
)
_ONE_PLAYER = re.compile(rf"\b(?:{_PLAYER})\b")
_MODE_ONLY = re.compile(r"\b(minor|major)\b")
_WORDS = re.compile(r"[\w&'#/]+")
_DECADES = frozenset({"50", "60", "70", "80", "90"})
_MACHINES = frozenset({"101", "202", "303", "404", "505", "606", "707", "808", "909"})
_LONGEST_S = 2 * MAX_SECONDS  # more of a bare "s" is a year or a thing; what is less is brought into range
_LONGEST_PHRASE = 4
_JOINING = frozenset({"and", "or", "nor", "no", "&", "any", "the"})
_REFUSING = frozenset({"no", "not", "without"})
_GENRE_OF = {phrase: genre for genre, phrases in lexicon.GENRE_WORDS.items() for phrase in phrases}


def written_out(text: str) -> str:
    """The text in plain letters (NFKC), up to 18 times as long."""
    return unicodedata.normalize("NFKC", text)


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
        written = re.sub(r"\s+", " ", written_out(prompt)).strip()
        heard = cls(written.casefold()[:MAX_PROMPT_CHARACTERS])  # of some letters it makes three
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
            if found[2] == "s" and not self._counts_seconds(found):
                continue
            seconds = float(found[1]) * (60.0 if found[2].startswith("min") else 1.0)
            self.seconds = min(MAX_SECONDS, max(MIN_SECONDS, seconds))
            self.note("duration", found[0])
            return

    def _counts_seconds(self, found: re.Match[str]) -> bool:
        """Whether a bare "s" is one of seconds: not in "808s" and "1980s", in "60s" only if "long"."""
        if found[1] in _MACHINES or float(found[1]) > _LONGEST_S:
            return False
        is_apart = not found[0].endswith(f"{found[1]}s") or self.text.startswith(" long", found.end())
        return is_apart or found[1] not in _DECADES

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
            players = _ONE_PLAYER.findall(found[1] or found[2] or found[3])
            self.without |= set(ROLES).difference(*map(_roles_of, players))
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
            self.unwanted.update(lexicon.INSTRUMENT_FAMILIES.get(word, lexicon.INSTRUMENT_WORDS[word][1:]))
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


def _roles_of(player: str) -> tuple[str, ...]:
    """What a word of _PLAYER can play."""
    return lexicon.ROLE_WORDS.get(player) or lexicon.INSTRUMENT_WORDS[player][:1]
