"""The REST families as one FastAPI application: documented paths, and errors in each family's own words.

The root application mounts it last, so its routes are those that nothing else serves.
"""

from __future__ import annotations

from fastapi import FastAPI

from app.rest import errors, particle_renders, particle_socket, particles
from app.rest.body_limit import BodyLimitMiddleware

PARTICLES = (particles.router, particle_renders.router, particle_socket.router)


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
        app.include_router(router, prefix="/particles", tags=["particles"])
        app.include_router(router, prefix="/api/particles", tags=["particles"], include_in_schema=False)
    return app
