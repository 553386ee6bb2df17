"""File names of stored assets: what a client calls a file, made harmless and unique for its owner.

A name is only ever shown and searched; no file is opened by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from pathlib import PurePosixPath

MAX_NAME_CHARACTERS = 200
_UNWANTED_CATEGORIES = (
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
)  # controls, bidi overrides, lone surrogates, line breaks


def last_segment(text: str) -> str:
    """What follows the last slash of either kind."""
    return re.split(r"[/\\]", text)[-1]


def clean_name(text: str, fallback: str) -> str:
    """The last path segment without control characters, at most 200 characters long, its ending kept.

    `fallback` is the name of what has none left (`..`, blanks, nothing).
    """
    name = unicodedata.normalize("NFC", last_segment(text))
    name = "".join(c for c in name if unicodedata.category(c) not in _UNWANTED_CATEGORIES).strip()
    if not name.strip("."):
        return fallback
    return _fitted(*split_name(name))


def split_name(name: str) -> tuple[str, str]:
    """`song.wav` is ("song", ".wav"); an ending of more than twenty characters is none."""
    ending = PurePosixPath(name).suffix
    if not ending or len(ending) > 20:
        return name, ""
    return name[: -len(ending)], ending


def candidates(name: str) -> Iterator[str]:
    """`a.wav`, `a-2.wav`, `a-3.wav`, ... without end, each at most 200 characters long."""
    yield name
    stem, ending = split_name(name)
    for number in count(2):
        yield _fitted(stem, f"-{number}{ending}")


def is_numbered(name: str, plain: str) -> bool:
    """Whether `name` is `plain` or one of its numbered candidates."""
    if name == plain:
        return True
    stem, ending = split_name(plain)
    number = re.search(r"-(\d{1,9})$", name.removesuffix(ending))
    return number is not None and name == _fitted(stem, f"-{number[1]}{ending}")


def _fitted(stem: str, ending: str) -> str:
    return stem[: MAX_NAME_CHARACTERS - len(ending)] + ending
