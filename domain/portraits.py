"""What sounds are like, heard once for their content: enough to say how much two of them have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from db import sound_portraits as rows
from render.audio.portraits.likeness import PORTRAIT_VERSION, Portrait


async def by_contents(hashes: Collection[str]) -> dict[str, Portrait]:
    """Those that there are, by content hash."""
    if not hashes:
        return {}
    found = await rows.of_contents(hashes, PORTRAIT_VERSION)
    return {sha256: Portrait(row.loudness_lufs, row.cells) for sha256, row in found.items()}


async def lacking(hashes: Collection[str]) -> set[str]:
    """Those of the contents that nobody has listened to."""
    return set(hashes) - await rows.known(hashes, PORTRAIT_VERSION) if hashes else set()


async def keep(found: Mapping[str, Portrait]) -> None:
    for sha256, portrait in sorted(found.items()):  # in one order, so that no two wait for each other
        await rows.keep(sha256, PORTRAIT_VERSION, portrait.loudness_lufs, portrait.cells)
