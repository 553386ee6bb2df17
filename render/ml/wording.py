"""What MusicGen is told: the prompt, and what the arguments add to it. Light.

MusicGen takes words alone. Arguments that the prompt does not state itself are appended the way its training
captions have them ("90 bpm", "A minor"); what the prompt says explicitly stays, as with the composer.
"""

from __future__ import annotations

from dataclasses import dataclass

from render.music import keys
from render.music.heard import Heard
from render.music.parameters import InvalidParameter

LONGEST_SECONDS = 30.0
"""MusicGen's training windows; beyond them it falls apart."""
MOST_CHARACTERS = 1_500  # of the prompt: about what the 512 tokens that it can hear have room for
_NO_MOOD = "neutral"


@dataclass(frozen=True)
class Words:
    """One line for the model, and the tempo and key that it names; None where it names none."""

    text: str
    bpm: float | None
    key: str | None


def words(prompt: str, mood: str, bpm: float | None, key: str | None) -> Words:
    """Raises InvalidParameter for a key that is none."""
    heard = Heard.of(prompt)
    parts = [" ".join(prompt.split())[:MOST_CHARACTERS]]
    if mood.strip() and mood.strip().casefold() != _NO_MOOD:
        parts.append(" ".join(mood.split()))
    if heard.bpm is None and bpm is not None:
        parts.append(f"{bpm:g} bpm")
    named = heard.key.name if heard.key is not None else _key(key)
    if heard.key is None and named is not None:
        parts.append(named)
    return Words(
        ", ".join(part for part in parts if part), heard.bpm if heard.bpm is not None else bpm, named
    )


def _key(text: str | None) -> str | None:
    if text is None:
        return None
    found = keys.parse(text)
    if found is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    return found.name
