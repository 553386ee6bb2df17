"""Particle systems: create, read, change, delete. A system has a type, a whole config and perhaps a song.

A change bumps the row's version and nudges `particles:<id>`; the row is the truth, the nudge only a hint.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, TypedDict
from uuid import UUID

from db import particles as rows
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound, RateLimited
from domain.pages import Page, checked_first, decode_cursor
from domain.particles.config import merged_config, shown
from domain.particles.songs import MISSING as SONG_MISSING
from domain.particles.songs import song
from domain.ports import Services
from render.particles.config import TYPES, ParticleConfig, ParticleType, from_json, to_json

MAX_NAME = 200


class Changes(TypedDict, total=False):
    """What an update says: an absent key stays as it is, None clears it (config and name: their defaults)."""

    name: str | None
    particle_type: ParticleType | None
    config: Mapping[str, Any] | None
    audio_id: UUID | None


async def create(
    viewer: Viewer,
    particle_type: ParticleType,
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    audio_id: UUID | None = None,
    services: Services,
) -> ParticleSystem:
    """`config` is a patch over the defaults by snake_case keys; `audio_id` names an asset with sound.

    Raises InvalidInput (a config field, the name, an audio without sound), NotFound (audio), RateLimited.
    """
    whole = merged_config(ParticleConfig(), config)
    called = _default_name(particle_type) if name is None else _checked_name(name)
    await _require_sound(viewer, audio_id)
    limit = services.limits.max_systems_per_owner
    try:
        return await rows.insert(viewer.id, called, particle_type, to_json(whole), audio_id, limit)
    except rows.OwnerIsFull as error:
        raise RateLimited(f"at most {limit} particle systems are allowed; delete some first") from error
    except rows.AudioGone as error:
        raise _no_such_audio() from error


async def get(viewer: Viewer, system_id: UUID) -> ParticleSystem:
    row = await rows.find(viewer.id, system_id)
    if row is None:
        raise _no_such_system()
    return row


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, ParticleSystem]:
    """Those of `ids` that are there: one query, for loaders."""
    return {row.id: row for row in await rows.of_ids(viewer.id, ids)} if ids else {}


async def page(
    viewer: Viewer, first: int = 50, after: str | None = None, *, is_counted: bool = True
) -> Page[ParticleSystem]:
    """The viewer's systems, newest first."""
    key = decode_cursor(after)
    place = None if key is None else (key.created_at, key.id)
    found = await rows.newest(viewer.id, checked_first(first), place)
    total = await rows.count(viewer.id) if is_counted else None
    return Page(found.rows, found.has_next, found.has_previous, total)


async def every(viewer: Viewer) -> list[ParticleSystem]:
    """All of the viewer's systems, newest first (their number is limited)."""
    return await rows.every(viewer.id)


async def update(viewer: Viewer, system_id: UUID, changes: Changes, *, services: Services) -> ParticleSystem:
    """Sets the given keys; `config` merges key by key. Raises as `create`, and NotFound for the system."""
    await _require_sound(viewer, changes.get("audio_id"))
    try:
        row = await rows.change(viewer.id, system_id, lambda old: _new_values(old, changes))
    except rows.AudioGone as error:
        raise _no_such_audio() from error
    if row is None:
        raise _no_such_system()
    await services.events.nudge(f"particles:{system_id}")
    return row


async def delete(viewer: Viewer, system_id: UUID, *, services: Services) -> None:
    """Its renders go on and stay: a job holds all that it needs. Raises NotFound."""
    if not await rows.remove(viewer.id, system_id):
        raise _no_such_system()
    await services.events.nudge(f"particles:{system_id}")


def config_of(system: ParticleSystem) -> ParticleConfig:
    return from_json(system.config)


def _new_values(old: ParticleSystem, changes: Changes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    kind = ParticleType(old.particle_type)
    if "particle_type" in changes:
        if changes["particle_type"] is None:
            raise InvalidInput("particle_type", "particle_type cannot be cleared")
        kind = values["particle_type"] = changes["particle_type"]
    if "name" in changes:
        name = changes["name"]
        values["name"] = _default_name(kind) if name is None else _checked_name(name)
    if "config" in changes:
        patch = changes["config"]
        base = ParticleConfig() if patch is None else from_json(old.config)
        values["config"] = to_json(merged_config(base, patch))
    if "audio_id" in changes:
        values["audio_id"] = changes["audio_id"]
    return {key: value for key, value in values.items() if value != getattr(old, key)}


async def _require_sound(viewer: Viewer, audio_id: UUID | None) -> None:
    if audio_id is not None:
        await song(viewer, audio_id)


def _default_name(particle_type: ParticleType) -> str:
    return next(info.name for info in TYPES if info.type == particle_type)


def _checked_name(name: str) -> str:
    clean = name.strip()
    if not 1 <= len(clean) <= MAX_NAME:
        raise InvalidInput("name", f"name must be 1 to {MAX_NAME} characters, got {len(clean)}")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in clean):
        raise InvalidInput("name", f"name must be text without control characters, got {shown(clean)}")
    return clean


def _no_such_system() -> NotFound:
    return NotFound("Particle system not found", field="id")


def _no_such_audio() -> NotFound:
    return NotFound(SONG_MISSING, field="audio_id")
