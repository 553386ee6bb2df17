"""Particle systems: what GraphQL asks of them, in the domain's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from db.particles import ParticleSystem
from domain import particles
from domain.errors import InvalidInput, NotFound
from domain.jobs import JobOptions
from domain.pages import Page, checked_first, decode_cursor
from domain.particles import Changes, Metrics, ParticleType, RenderRequest
from resolvers.context import Context
from resolvers.ids import parsed, required

SYSTEM = "Particle system"


async def get(ctx: Context, id: str) -> ParticleSystem | None:
    system_id = parsed(id)
    if system_id is None:
        return None
    try:
        return await particles.get(ctx.viewer, system_id)
    except NotFound:
        return None


async def page(ctx: Context, first: int, after: str | None, *, is_counted: bool) -> Page[ParticleSystem]:
    return await particles.page(ctx.viewer, first, after, is_counted=is_counted)


async def metrics(ctx: Context) -> Metrics:
    return await particles.metrics(ctx.viewer)


async def create(
    ctx: Context,
    particle_type: ParticleType,
    name: str | None,
    config: Mapping[str, Any] | None,
    audio_id: str | None,
) -> ParticleSystem:
    return await particles.create(
        ctx.viewer,
        particle_type,
        name=name,
        config=config,
        audio_id=asset_id(audio_id),
        services=ctx.services,
    )


async def update(ctx: Context, id: str, said: Mapping[str, Any]) -> ParticleSystem:
    """`said` holds the fields that the client wrote, null as None."""
    changes: Changes = {**said}  # type: ignore[typeddict-item]
    if "name" in said and said["name"] is None:
        raise InvalidInput("name", "name cannot be cleared: a system always has one")
    if "audio_id" in said:
        changes["audio_id"] = asset_id(said["audio_id"])
    return await particles.update(ctx.viewer, required(id, SYSTEM), changes, services=ctx.services)


async def delete(ctx: Context, id: str) -> None:
    await particles.delete(ctx.viewer, required(id, SYSTEM), services=ctx.services)


async def render(ctx: Context, id: str, request: RenderRequest, options: JobOptions) -> Job:
    return await particles.render(ctx.viewer, required(id, SYSTEM), request, options, services=ctx.services)


async def songs(ctx: Context, rows: Iterable[ParticleSystem]) -> dict[UUID, Asset]:
    """By the system's id."""
    return await ctx.loaders.assets.load_referred({system.id: system.audio_id for system in rows})


async def jobs(
    ctx: Context, system: ParticleSystem, first: int, after: str | None, *, is_counted: bool
) -> Page[Job]:
    checked_first(first)
    decode_cursor(after)  # refuses before anything is loaded
    found = await ctx.loaders.system_jobs(first, after, is_counted).load(system.id)
    return found or Page(rows=[], has_next=False, has_previous=False, total=0)


async def frame_url(ctx: Context, system: ParticleSystem, time: float, width: int | None) -> str:
    song = None if system.audio_id is None else await ctx.loaders.assets.load(system.audio_id)
    return particles.frame_url(system, song, time, width, services=ctx.services)


async def config_frame_url(
    ctx: Context,
    particle_type: ParticleType,
    config: Mapping[str, Any] | None,
    audio_id: str | None,
    time: float,
    width: int | None,
) -> str:
    return await particles.config_frame_url(
        ctx.viewer, particle_type, config, asset_id(audio_id), time, width, services=ctx.services
    )


def asset_id(text: str | None, field: str = "audio_id") -> UUID | None:
    """Raises NotFound for what can be no asset's id."""
    return None if text is None else required(text, "Audio file", field)
