"""The pictures behind `frameUrl` and `particleFrameUrl`: PNGs of the real film, drawn when asked and kept."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.rest.edge import id_or_missing, services_of
from app.rest.particle_shapes import TYPE_NAMES, type_named
from app.rest.stored import stored_response
from app.viewer import viewer_of
from domain import particles
from domain.errors import InvalidInput
from domain.particles import DEFAULT_WIDTH, Scene

router = APIRouter(prefix="/frames", tags=["frames"])
MAX_PACKED_CONFIG = 16_384
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get("/particle-systems/{system_id}.png", response_class=Response, responses=PNG)
@router.head("/particle-systems/{system_id}.png", include_in_schema=False)
async def system_frame(
    system_id: str, request: Request, time: float = 0.0, width: int = DEFAULT_WIDTH
) -> Response:
    """One frame of a stored system as it is now."""
    known = id_or_missing(system_id, "Particle system not found")
    scene = await particles.system_scene(await viewer_of(request), known)
    return await _picture(request, scene, time, width)


@router.get("/particles.png", response_class=Response, responses=PNG)
@router.head("/particles.png", include_in_schema=False)
async def config_frame(
    request: Request,
    particle_type: Annotated[str, Query(alias="type")],
    config: Annotated[str, Query(max_length=MAX_PACKED_CONFIG, description="base64url of JSON")] = "e30",
    audio: str | None = None,
    time: float = 0.0,
    width: int = DEFAULT_WIDTH,
) -> Response:
    """One frame of a config that need not exist."""
    kind = type_named(particle_type)
    if kind is None:
        raise InvalidInput("type", f"type must be one of {', '.join(TYPE_NAMES)}")
    audio_id = None if audio is None else id_or_missing(audio, "Audio file not found")
    viewer = await viewer_of(request)
    scene = await particles.loose_scene(viewer, kind, particles.unpacked(config), audio_id)
    return await _picture(request, scene, time, width)


async def _picture(request: Request, scene: Scene, time: float, width: int) -> Response:
    key = await particles.frame(scene, time, width, services=services_of(request))
    return await stored_response(request, key, "image/png")
