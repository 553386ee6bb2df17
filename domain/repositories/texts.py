"""What people may write: names, messages, and how long they are. Each check names the field and its limit."""

from __future__ import annotations

import re
import unicodedata

from domain.errors import InvalidInput

MAX_NAME = 100
MAX_DESCRIPTION = 2_000
MAX_GENRE = 50
MAX_MESSAGE = 2_000
_REF = re.compile(r"[^\W_][\w.-]*")  # no space and no slash: it stands in addresses and on command lines
_LAYOUT = "\n\r\t"


def name(text: str, field: str = "name") -> str:
    """The name of a repository, without blanks around it."""
    clean = _plain(text.strip(), field, allowed="")
    if not 1 <= len(clean) <= MAX_NAME:
        raise InvalidInput(field, f"{field} must be 1 to {MAX_NAME} characters, got {len(clean)}")
    return clean


def ref(text: str, field: str = "name") -> str:
    """The name of a branch or a tag."""
    if not 1 <= len(text) <= MAX_NAME:
        raise InvalidInput(field, f"{field} must be 1 to {MAX_NAME} characters, got {len(text)}")
    if not _REF.fullmatch(text):
        raise InvalidInput(
            field,
            f"{field} must be letters, digits, dots, dashes and underscores, without spaces and slashes,"
            " and begin with a letter or a digit",
        )
    return text


def is_ref(text: str) -> bool:
    """Whether a branch or a tag could be called so."""
    return len(text) <= MAX_NAME and _REF.fullmatch(text) is not None


def prose(text: str, field: str, longest: int, *, shortest: int = 0) -> str:
    """Text of one or several lines, without blanks around it."""
    clean = _plain(text.strip(), field, allowed=_LAYOUT)
    if not shortest <= len(clean) <= longest:
        raise InvalidInput(field, f"{field} must be {shortest} to {longest} characters, got {len(clean)}")
    return clean


def description(text: str) -> str:
    return prose(text, "description", MAX_DESCRIPTION)


def genre(text: str) -> str:
    return prose(text, "genre", MAX_GENRE)


def message(text: str) -> str:
    return prose(text, "message", MAX_MESSAGE, shortest=1)


def _plain(text: str, field: str, *, allowed: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in allowed for letter in text):
        raise InvalidInput(field, f"{field} must be text without control characters")
    return text
