"""REST family 1, the systems: create, read, change, load audio, delete (contract/rest.md, 1)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from uuid import UUID

from fastapi import APIRouter, Request

from app.rest.edge import id_or_missing, services_of
from app.rest.particle_audio import received_song
from app.rest.particle_shapes import (
    TYPE_NAMES,
    TYPES,
    Changed,
    ConfigRequest,
    CreateRequest,
    Message,
    System,
    Type,
    status_of,
    system_of,
    type_named,
)
from app.viewer import viewer_of
from domain import particles
from domain.errors import InvalidInput
from domain.particles import Changes

router = APIRouter()
MISSING = "Particle system not found"
MAX_SHOWN = 100  # characters of a refused word that the answer repeats
SONG_FORM = {
    "required": False,
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
        }
    },
}


@router.post("/create")
async def create_system(body: CreateRequest, request: Request) -> System:
    kind = type_named(body.particle_type)
    if kind is None:
        sentence = f"Invalid particle type: {body.particle_type[:MAX_SHOWN]}. Available types: {TYPE_NAMES}"
        raise InvalidInput("particle_type", sentence)
    viewer, services = await viewer_of(request), services_of(request)
    return system_of(await particles.create(viewer, kind, config=body.config, services=services), None)


@router.get("/types")
async def list_types() -> list[Type]:
    return TYPES


@router.get("/systems")
async def list_systems(request: Request) -> list[System]:
    viewer = await viewer_of(request)
    rows = await particles.every(viewer)
    audios = await particles.songs_of(viewer, rows)
    return [system_of(row, audios.get(row.audio_id) if row.audio_id else None) for row in rows]


@router.get("/systems/{system_id}")
async def get_system(system_id: str, request: Request) -> System:
    viewer = await viewer_of(request)
    row = await particles.get(viewer, id_or_missing(system_id, MISSING))
    return system_of(row, await particles.song_of(viewer, row))


@router.put("/systems/{system_id}/config")
async def update_config(system_id: str, body: ConfigRequest, request: Request) -> Changed:
    message = "Configuration updated successfully"
    return await _changed(id_or_missing(system_id, MISSING), {"config": body.config}, message, request)


@router.put("/systems/{system_id}/type/{particle_type}")
async def change_type(system_id: str, particle_type: str, request: Request) -> Changed:
    kind = type_named(particle_type)
    if kind is None:
        raise InvalidInput("particle_type", f"Invalid particle type: {particle_type[:MAX_SHOWN]}")
    message = f"Particle type changed to {particle_type}"
    return await _changed(id_or_missing(system_id, MISSING), {"particle_type": kind}, message, request)


@router.post("/systems/{system_id}/load-audio", openapi_extra={"requestBody": SONG_FORM})
async def load_audio(system_id: str, request: Request, audio_path: str | None = None) -> Changed:
    """A stored asset by `audio_path`, or a new one as the multipart field `file`."""
    viewer, services = await viewer_of(request), services_of(request)
    system = await particles.get(viewer, id_or_missing(system_id, MISSING))
    if audio_path is not None:
        audio = await particles.song_named(viewer, audio_path)
    else:
        audio = await received_song(viewer, request, services)
    return await _changed(system.id, {"audio_id": audio.id}, "Audio loaded successfully", request)


@router.delete("/systems/{system_id}")
async def delete_system(system_id: str, request: Request) -> Message:
    """Its live renders are cancelled first."""
    viewer, services = await viewer_of(request), services_of(request)
    system = await particles.get(viewer, id_or_missing(system_id, MISSING))
    await particles.stop_renders(viewer, system.id, services=services)
    await particles.delete(viewer, system.id, services=services)
    return Message(message="Particle system deleted successfully")


async def _changed(system_id: UUID, changes: Changes, message: str, request: Request) -> Changed:
    viewer, services = await viewer_of(request), services_of(request)
    row = await particles.update(viewer, system_id, changes, services=services)
    return Changed(message=message, status=status_of(row, await particles.song_of(viewer, row)))
