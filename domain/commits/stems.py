"""Which stems a commit has: those that are asked for, checked, and each that is unchanged the very one that
the parent has."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db import assets as asset_rows
from db import commits as commit_rows
from db import stems as rows
from db.assets import Asset
from db.repositories import Repository
from db.stems import Stem
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound

MAX_GAIN = 4.0  # about 12 dB


class StemType(StrEnum):
    DRUMS = "DRUMS"
    BASS = "BASS"
    VOCALS = "VOCALS"
    MELODY = "MELODY"
    OTHER = "OTHER"


@dataclass(frozen=True)
class NewStem:
    """An audio file as a stem; `gain` is a factor of its amplitude, 0 to 4."""

    type: StemType
    asset_id: UUID
    gain: float = 1.0


async def taken_up(
    viewer: Viewer, repository: Repository, news: Sequence[NewStem], parent: Mapping[str, Stem]
) -> dict[str, Stem]:
    """The stems by type, in a transaction that has the repository locked. What has the parent's bytes and
    gain is the parent's stem, whatever file holds the bytes.

    Raises InvalidInput (two of one type, a gain, a file that is no audio) and NotFound (a file).
    """
    _check(news)
    files = await _files(viewer, repository, [new.asset_id for new in news])
    found: dict[str, Stem] = {}
    for new in sorted(news, key=lambda new: rows.TYPES.index(new.type)):
        asset, gain = files[new.asset_id], new.gain + 0.0  # there is one zero
        known = parent.get(new.type)
        is_known = known is not None and known.content == rows.content_of(new.type.value, asset.sha256, gain)
        found[new.type.value] = (
            known if known is not None and is_known else await rows.obtain(new.type.value, asset, gain)
        )
    return found


async def audio_held(viewer: Viewer, asset_id: UUID, field: str) -> Asset:
    """A sound of the viewer, which stays until the transaction ends. Raises NotFound and InvalidInput."""
    found = await asset_rows.held_for_reading(viewer.id, [asset_id])
    if not found:
        raise _no_such_file(field)
    return _audio(found[0], field)


Parent = tuple[Mapping[str, Stem], Mapping[str, int]]  # its stems, and the numbers of its blame


def blame(stems: Mapping[str, Stem], *parents: Parent) -> dict[str, int]:
    """By type the number of the commit that brought the stem: that of the first parent which sounds the same
    there, and 0 where the new commit brings it."""
    found: dict[str, int] = {}
    for type, stem in stems.items():
        found[type] = next(
            (known[type] for before, known in parents if is_same(before.get(type), stem)),
            0,
        )
    return found


def is_same(one: Stem | None, other: Stem | None) -> bool:
    """Whether nobody could hear a difference: the same bytes at the same gain."""
    return (None if one is None else one.content) == (None if other is None else other.content)


def _check(news: Sequence[NewStem]) -> None:
    for type, count in Counter(new.type for new in news).items():
        if count > 1:
            raise InvalidInput("stems", f"stems may have one of each type: there are {count} of {type.value}")
    for new in news:
        if not (math.isfinite(new.gain) and 0 <= new.gain <= MAX_GAIN):
            raise InvalidInput("gain", f"gain must be 0 to {MAX_GAIN:g}, got {new.gain:g}")


async def _files(viewer: Viewer, repository: Repository, ids: Collection[UUID]) -> dict[UUID, Asset]:
    """The viewer's own, and those that are stems of the repository already: a fork has its original's."""
    held = await asset_rows.held_for_reading(viewer.id, set(ids)) if ids else []
    found = {asset.id: asset for asset in held}
    if others := sorted(set(ids) - set(found)):
        within = await commit_rows.assets_within(repository.id, others)
        found |= {asset.id: asset for asset in await rows.assets_of(within)}
    for asset_id in ids:
        if asset_id not in found:
            raise _no_such_file("asset_id")
        _audio(found[asset_id], "asset_id")
    return found


def _audio(asset: Asset, field: str) -> Asset:
    if asset.kind != "AUDIO":
        raise InvalidInput(
            field, f"{field} must name an audio file: {asset.filename} is {asset.kind.lower()}"
        )
    return asset


def _no_such_file(field: str) -> NotFound:
    return NotFound("Audio file not found", field=field)
