"""What is said of a commit beside its stems: tempo, key, how it was generated. Each check names its field."""

from __future__ import annotations

import math
import re
from typing import Any

import orjson

from domain.errors import InvalidInput
from domain.repositories import texts

MAX_BPM = 1_000.0
MAX_KEY_CHARACTERS = 32
MAX_PARAMS_BYTES = 16_384  # as JSON
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # the escape, and not a backslash before the word


def bpm(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= MAX_BPM):
        raise InvalidInput("bpm", f"bpm must be above 0 and at most {MAX_BPM:g}, got {value:g}")
    return value


def key_signature(text: str | None) -> str | None:
    """As people write it, such as "C# minor" or "Db Mixolydian"; an empty one is none."""
    return None if text is None else texts.prose(text, "key_signature", MAX_KEY_CHARACTERS) or None


def generation_params(value: Any) -> Any:
    if value is None:
        return None
    try:
        text = orjson.dumps(value)
    except (TypeError, ValueError) as error:  # numbers beyond 64 bits, lone surrogates, a depth of hundreds
        raise InvalidInput("generation_params", f"generation_params cannot be kept: {error}") from error
    if len(text) > MAX_PARAMS_BYTES:
        raise InvalidInput(
            "generation_params",
            f"generation_params may have at most {MAX_PARAMS_BYTES:,} bytes as JSON, got {len(text):,}",
        )
    if _NUL.search(text):
        raise InvalidInput("generation_params", "generation_params must not contain a NUL")
    return value
