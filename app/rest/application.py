"""The REST families as one FastAPI application: documented paths, and errors in each family's own words.

The root application mounts it last, so its routes are those that nothing else serves.
"""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from app.pages.html import redoc_page, swagger_page
from app.rest import (
    accounts,
    audio_files,
    commits,
    errors,
    frames,
    humming,
    music,
    music_analysis,
    music_tasks,
    particle_renders,
    particle_socket,
    particles,
    repositories,
    stems,
)
from app.rest.body_limit import BodyLimitMiddleware
from app.rest.particle_shapes import Refused

PARTICLES = (particles.router, particle_renders.router, particle_socket.router)
VERSION_CONTROL = (repositories.repository_router, repositories.fork_router, commits.router)
MUSIC = (music.router, humming.router, music_analysis.router, stems.router, music_tasks.router)
ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": Refused, "description": "Refused"}}


def create_rest() -> FastAPI:
    app = FastAPI(
        title="Starling",
        summary="Music videos: particle systems, renders and their files.",
        version="0.1.0",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimitMiddleware)
    errors.install(app)
    for router in PARTICLES:
        app.include_router(router, prefix="/particles", tags=["particles"], responses=ERRORS)
        app.include_router(router, prefix="/api/particles", tags=["particles"], include_in_schema=False)
    for router in MUSIC:
        app.include_router(router, prefix="/api/ai", tags=["music"], responses=ERRORS)
    for router in VERSION_CONTROL:
        app.include_router(router, responses=ERRORS)
    app.include_router(accounts.router, responses=ERRORS)
    app.include_router(audio_files.router, tags=["music"], responses=ERRORS)
    app.include_router(frames.router, responses=ERRORS)
    app.add_api_route("/docs", _docs, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route("/redoc", _redoc, include_in_schema=False, response_class=HTMLResponse)
    return app


async def _docs() -> HTMLResponse:
    return swagger_page()


async def _redoc() -> HTMLResponse:
    return redoc_page()
