"""The name under which a film is downloaded, made harmless from whatever a client said."""

from __future__ import annotations

import re

from domain.assets.names import MAX_NAME_CHARACTERS, clean_name

ENDING = ".mp4"


def film_filename(wanted: str | None, *, fallback: str) -> str:
    """The last segment of `wanted`, always ending in `.mp4`; `fallback` (no ending) if nothing is left."""
    name = clean_name(wanted or "", "")
    stem = re.sub(r"\.mp4$", "", name, flags=re.IGNORECASE).strip(" .")
    return f"{(stem or fallback)[: MAX_NAME_CHARACTERS - len(ENDING)]}{ENDING}"
