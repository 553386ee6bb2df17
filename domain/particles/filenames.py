"""The name under which a film is downloaded, made safe from whatever a client said."""

from __future__ import annotations

import re
import unicodedata

MAX_STEM_BYTES = 180
_FORBIDDEN = frozenset('<>:"|?*')


def film_filename(wanted: str | None, *, fallback: str) -> str:
    """The last segment of `wanted` without what file systems and headers refuse, always ending in `.mp4`."""
    last = re.split(r"[/\\]", wanted or "")[-1]
    clean = "".join(_kept(letter) for letter in unicodedata.normalize("NFC", last))
    stem = re.sub(r"\.mp4$", "", clean.strip(" ."), flags=re.IGNORECASE).strip(" .")
    return f"{_cut(stem) or fallback}.mp4"


def _kept(letter: str) -> str:
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return ""
    return "_" if letter in _FORBIDDEN else letter


def _cut(stem: str) -> str:
    return stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
