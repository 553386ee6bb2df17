"""The songs of particle systems: assets that have sound in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from db.assets import Asset
from db.particles import ParticleSystem
from domain import assets
from domain.accounts import Viewer
from domain.assets.intake import probed
from domain.errors import InvalidInput, NotFound
from domain.ports import Services
from render.media.facts import Probe

MISSING = "Audio file not found"


def has_sound(kind: str, channels: int | None) -> bool:
    return kind == "AUDIO" or (kind == "VIDEO" and bool(channels))


async def song(viewer: Viewer, asset_id: UUID, field: str = "audio_id") -> Asset:
    """An asset of the viewer by its id. Raises NotFound, and InvalidInput where there is no sound in it."""
    return _sounding(await assets.find(viewer, asset_id), field)


async def song_named(viewer: Viewer, text: str, field: str = "audio_path") -> Asset:
    """What a client means by a path, URL, key, id or file name; nothing is opened by it. Raises as `song`."""
    return _sounding(await assets.find_named(viewer, text), field)


async def store_song(
    viewer: Viewer,
    staged: Path,
    filename: str,
    *,
    sha256: str | None = None,
    check: Callable[[Probe], None] = lambda probe: None,
    services: Services,
) -> Asset:
    """A new asset of the staged file. What has no sound, or does not pass `check`, is refused before
    anything is kept.

    Raises as `domain.assets.store`, InvalidInput, and what `check` raises.
    """
    probe = await probed(staged, services)
    if not has_sound(probe.kind, probe.channels):
        raise _silent(filename, "file")
    check(probe)
    return await assets.store(viewer, staged, filename, sha256=sha256, services=services)


async def song_of(viewer: Viewer, system: ParticleSystem) -> Asset | None:
    """The song of a system, None where it has none or it was deleted."""
    return None if system.audio_id is None else await assets.find(viewer, system.audio_id)


async def songs_of(viewer: Viewer, systems: list[ParticleSystem]) -> dict[UUID, Asset]:
    """The songs of many systems by asset id, in one query."""
    return await assets.by_ids(viewer, {row.audio_id for row in systems if row.audio_id})


def _sounding(asset: Asset | None, field: str) -> Asset:
    if asset is None:
        raise NotFound(MISSING, field=field)
    if not has_sound(asset.kind, asset.channels):
        raise _silent(asset.filename, field)
    return asset


def _silent(name: str, field: str) -> InvalidInput:
    return InvalidInput(field, f"{field}: there is no audio in {name[:100]}")
