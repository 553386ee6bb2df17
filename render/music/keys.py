"""Keys: names, tonics and scales. Light."""

from __future__ import annotations

import re
from dataclasses import dataclass

from render.music.invalid import InvalidParameter

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_SPELLED = {
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {"maj": "major", "min": "minor", "m": "minor", "ionian": "major", "aeolian": "minor", "": "major"}
_SIGNS = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1, "": 0}
MODE_WORDS = "major|minor|maj|min|dorian|phrygian|lydian|mixolydian|ionian|aeolian"
_KEY = re.compile(
    rf"\s*([A-Ga-g])\s*(#|♯|b|♭|-?sharp|-?flat)?[\s-]*({MODE_WORDS}|m|M)?\s*",
    re.IGNORECASE | re.ASCII,  # else "mınor" is minor, and no mode that anybody knows
)


@dataclass(frozen=True)
class Key:
    """`tonic` 0 is C; `mode` one of SCALES; `tonic_name` as it was written."""

    tonic: int
    mode: str
    tonic_name: str

    @property
    def name(self) -> str:
        return f"{self.tonic_name} {self.mode}"

    @property
    def scale(self) -> tuple[int, ...]:
        return SCALES[self.mode]

    @property
    def is_minor(self) -> bool:
        return self.scale[2] == 3

    def pitch(self, degree: int) -> int:
        """Semitones above C of a degree of the scale, 0 the tonic; octaves on either side go on."""
        octave, place = divmod(degree, 7)
        return self.tonic + 12 * octave + self.scale[place]


def spelled(tonic: int, mode: str) -> Key:
    """The key with its usual name."""
    family = "minor" if SCALES[mode][2] == 3 else "major"
    return Key(tonic % 12, mode, _SPELLED[family][tonic % 12])


def of_parts(letter: str, sign: str, mode: str) -> Key:
    """The key of a letter, a sign ("", "#", "flat") and a word for the mode, or "M" and "m".

    Raises InvalidParameter for a sign or a mode that is none.
    """
    sign = sign.strip("- ").lower() if sign else ""
    mode = "major" if mode == "M" else _MODES.get((mode or "").lower(), (mode or "").lower())
    if mode not in SCALES or sign not in _SIGNS:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    tonic = (_LETTERS[letter.upper()] + _SIGNS[sign]) % 12
    written = letter.upper() + {1: "#", -1: "b", 0: ""}[_SIGNS[sign]]
    return Key(tonic, mode, written)


def parse(text: str) -> Key | None:
    """The key that a name means ("A minor", "F#m", "Db Mixolydian", "C"), or None."""
    found = _KEY.fullmatch(text)
    return of_parts(found[1], found[2] or "", found[3] or "") if found else None
