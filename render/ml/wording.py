"""What MusicGen is told: the prompt, and what the arguments add to it. Light.

MusicGen takes words alone. Arguments that the prompt does not state itself are appended the way its training
captions have them ("90 bpm", "A minor"); what the prompt says explicitly stays, as with the composer.
"""

from __future__ import annotations

from render.music import keys
from render.music.heard import Heard
from render.music.parameters import MIN_SECONDS, InvalidParameter, in_range

LONGEST_SECONDS = 30.0
"""MusicGen's training windows; beyond them it falls apart."""
_NO_MOOD = "neutral"


def wording(prompt: str, mood: str, bpm: float | None, key: str | None) -> str:
    """One line for the model. Raises InvalidParameter for a key that is none."""
    heard = Heard.of(prompt)
    parts = [" ".join(prompt.split())]
    if mood.strip() and mood.strip().casefold() != _NO_MOOD and mood.strip().casefold() not in heard.text:
        parts.append(" ".join(mood.split()))
    if bpm is not None and heard.bpm is None:
        parts.append(f"{bpm:g} bpm")
    if key is not None and heard.key is None:
        parts.append(_key(key))
    return ", ".join(part for part in parts if part)


def seconds(prompt: str, duration: float) -> float:
    """How long the piece is to be: what the prompt says ("20 seconds"), else `duration`.

    Raises InvalidParameter beyond what MusicGen can.
    """
    stated = Heard.of(prompt).seconds
    in_range("duration", duration, MIN_SECONDS, LONGEST_SECONDS, " seconds with MusicGen")
    return duration if stated is None else min(LONGEST_SECONDS, stated)


def _key(text: str) -> str:
    found = keys.parse(text)
    if found is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    return found.name
