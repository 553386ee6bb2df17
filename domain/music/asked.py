"""What is asked for, checked and resolved: words and arguments become the parameters of a piece."""

from __future__ import annotations

import math
import re
import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.commits.figures import MAX_KEY_CHARACTERS
from domain.errors import InvalidInput
from domain.music.providers import Provider
from domain.repositories import texts
from render.ml.wording import words
from render.music.made import TYPES
from render.music.parameters import (
    DEFAULT_BPM,
    DEFAULT_SECONDS,
    MAX_MOOD_CHARACTERS,
    MAX_PROMPT_CHARACTERS,
    MIN_SECONDS,
    InvalidParameter,
)
from render.music.prompt import resolve

MIN_BPM, MAX_BPM = 60.0, 300.0  # as an argument; words in the prompt may say less
NEUTRAL = "neutral"
_SEED_BITS = 31  # so that a client of GraphQL can give it back
_NAME_WORDS, _NAME_CHARACTERS = 6, 60


@dataclass(frozen=True)
class NewPiece:
    """A piece of music to be made. Explicit words of the prompt ("128 bpm", "in F# minor", "no drums") win
    over the arguments. Without a seed one is drawn. With a repository it is committed there, as
    `commits.create` places it. `longest` are the seconds that the caller's interface allows, of words too.
    """

    prompt: str
    bpm: float | None = DEFAULT_BPM
    mood: str | None = NEUTRAL
    duration: float | None = DEFAULT_SECONDS
    key: str | None = None
    seed: int | None = None
    repository_id: UUID | None = None
    branch: str | None = None
    parent_commit_id: UUID | None = None
    longest: float | None = None

    def said(self) -> dict[str, Any]:
        """What an idempotency key stands for."""
        said = {name: value for name, value in vars(self).items() if name != "longest"}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in said.items()}


def request_of(piece: NewPiece, provider: Provider, fewest_characters: int = 1) -> dict[str, Any]:
    """The request of `render.music.made`; the prompt has so many characters at least.

    Raises InvalidInput, which names the field and its limit.
    """
    text = texts.prose(piece.prompt, "prompt", MAX_PROMPT_CHARACTERS, shortest=fewest_characters)
    mood = texts.prose(piece.mood or "", "mood", MAX_MOOD_CHARACTERS) or NEUTRAL
    key = texts.prose(piece.key or "", "key", MAX_KEY_CHARACTERS) or None
    _in_range("bpm", piece.bpm, MIN_BPM, MAX_BPM, "")
    unit = f" seconds with {provider.name}" if provider.is_trained else " seconds"
    longest = min(provider.max_seconds, piece.longest or provider.max_seconds)
    _in_range("duration", piece.duration, MIN_SECONDS, longest, unit)
    seed = secrets.randbits(_SEED_BITS) if piece.seed is None else piece.seed
    try:
        parameters = resolve(text, mood, piece.bpm, key, piece.duration, seed)
    except InvalidParameter as error:
        raise InvalidInput(error.field, f"{error.field} {error.sentence.rstrip('.')}") from error
    parameters = replace(parameters, duration=min(parameters.duration, longest))
    request = {
        "prompt": text,
        "mood": mood,
        "bpm": parameters.bpm,
        "key": parameters.key,
        "duration": parameters.duration,
        "seed": parameters.seed,
        "parameters": parameters.as_json(),
    }
    if not provider.is_trained:
        return request
    is_kept = piece.bpm != DEFAULT_BPM or parameters.bpm == piece.bpm  # a default may give way to words
    return _in_words(request, piece.bpm if is_kept else None, key)


def _in_words(request: dict[str, Any], bpm: float | None, key: str | None) -> dict[str, Any]:
    """The request to a model that hears words: what the composer would have chosen by itself is left out."""
    said = words(request["prompt"], request["mood"], bpm, key)
    parameters = {"text": said.text, "duration": request["duration"], "seed": request["seed"]}
    return {**request, "bpm": said.bpm, "key": said.key, "parameters": parameters}


def filenames_of(request: dict[str, Any]) -> dict[str, str]:
    """What the files are called, by role: `upbeat-electronic-dance.flac` and
    `upbeat-electronic-dance_drums.flac`.

    A prompt without a letter gives the genre's name.
    """
    named = re.findall(r"\w+", request["prompt"].casefold())[:_NAME_WORDS]
    name = "-".join(named or request["parameters"].get("genre", "music").split())[:_NAME_CHARACTERS]
    return {
        role: f"{name}{ending}" if role in ("audio", "midi") else f"{name}_{role}{ending}"
        for role, (ending, _) in TYPES.items()
    }


def _in_range(field: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise InvalidInput(field, f"{field} must be {low:g} to {high:g}{unit}, got {value:g}")
