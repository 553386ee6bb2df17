"""REST family 1, the renders: start, list, look, download, preview, delete, figures (contract/rest.md, 1)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.rest.edge import id_or_missing, services_of
from app.rest.particle_shapes import (
    TYPES,
    Health,
    Message,
    Metrics,
    RenderBody,
    RenderJob,
    RenderStarted,
    job_of,
)
from app.rest.stored import stored_response
from app.viewer import viewer_of
from db.jobs import Job
from domain import jobs, particles
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound
from domain.jobs import JobFilter
from domain.pages import MAX_PAGE, Key
from domain.particles import RenderRequest

router = APIRouter()
MISSING = "Render job not found"
SYSTEM_MISSING = "Particle system not found"
MAX_LISTED = 1000
MP4: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}}


@router.post("/systems/{system_id}/render")
async def start_render(system_id: str, request: Request, body: RenderBody | None = None) -> RenderStarted:
    said = body or RenderBody()
    viewer, services = await viewer_of(request), services_of(request)
    system = await particles.get(viewer, id_or_missing(system_id, SYSTEM_MISSING))
    if said.system_id is not None and said.system_id != str(system.id):
        raise InvalidInput("system_id", f"system_id must be {system.id}, as in the path")
    audio = None if said.audio_path is None else await particles.song_named(viewer, said.audio_path)
    wanted = RenderRequest(
        filename=said.output_path or f"particles_{system.id}_{datetime.now(UTC):%Y%m%d_%H%M%S}.mp4",
        audio_id=None if audio is None else audio.id,
    )
    job = await particles.render(viewer, system.id, wanted, services=services)
    return RenderStarted(job_id=str(job.id), message="Rendering started", output_path=job.params["filename"])


@router.get("/jobs", response_model_exclude_none=True)
async def list_jobs(
    request: Request, limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED
) -> list[RenderJob]:
    """Particle renders only, newest first."""
    return [job_of(job) for job in await _newest(await viewer_of(request), limit)]


@router.get("/jobs/{job_id}", response_model_exclude_none=True)
async def get_job(job_id: str, request: Request) -> RenderJob:
    return job_of(await _render(await viewer_of(request), job_id))


@router.delete("/jobs/{job_id}")
async def delete_job(job_id: str, request: Request) -> Message:
    """Its file goes too; a live one is cancelled first."""
    viewer, services = await viewer_of(request), services_of(request)
    job = await _render(viewer, job_id)
    await particles.delete_render(viewer, job.id, services=services)
    return Message(message="Render job deleted successfully")


@router.get("/download/{job_id}", response_class=Response, responses=MP4)
@router.head("/download/{job_id}", include_in_schema=False)
async def download(job_id: str, request: Request) -> Response:
    viewer = await viewer_of(request)
    job = await _render(viewer, job_id)
    if job.state != "COMPLETED":
        raise InvalidInput("job_id", "Render job not completed")
    outputs = (await jobs.outputs_for([job.id])).get(job.id, [])
    film = next((output.asset for output in outputs if output.role == "video"), None)
    if film is None or film.deleted_at is not None:
        raise NotFound("Output file not found")
    return await stored_response(request, film.key, "video/mp4", attachment=job.params["filename"])


@router.get("/systems/{system_id}/preview", response_class=Response, responses=MP4)
@router.head("/systems/{system_id}/preview", include_in_schema=False)
async def preview(system_id: str, request: Request, duration: float = 2.0) -> Response:
    """A small MP4 of the real config, scaled down."""
    viewer, services = await viewer_of(request), services_of(request)
    known = id_or_missing(system_id, SYSTEM_MISSING)
    key = await particles.preview(await particles.system_scene(viewer, known), duration, services=services)
    return await stored_response(request, key, "video/mp4", attachment=f"preview_{known}.mp4")


@router.get("/metrics")
async def get_metrics(request: Request) -> Metrics:
    """A cancelled render counts as failed here, as in the list; it is no error in `error_rate`."""
    figures = await particles.metrics(await viewer_of(request))
    return Metrics(
        active_systems=figures.active_systems,
        queued_jobs=figures.queued_jobs,
        rendering_jobs=figures.rendering_jobs,
        completed_jobs=figures.completed_jobs,
        failed_jobs=figures.failed_jobs + figures.cancelled_jobs,
        average_render_seconds=figures.average_render_seconds,
        error_rate=figures.error_rate,
        storage_bytes=figures.storage_bytes,
    )


@router.get("/health")
async def health(request: Request) -> Health:
    figures = await particles.metrics(await viewer_of(request))
    return Health(
        status="healthy",
        active_systems=figures.active_systems,
        active_jobs=figures.queued_jobs + figures.rendering_jobs,
        available_types=len(TYPES),
    )


async def _render(viewer: Viewer, job_id: str) -> Job:
    return await particles.find_render(viewer, id_or_missing(job_id, MISSING))


async def _newest(viewer: Viewer, limit: int) -> list[Job]:
    found: list[Job] = []
    wanted = JobFilter(kind=(particles.KIND,))
    after: str | None = None
    while len(found) < limit:
        page = await jobs.page(viewer, wanted, first=min(MAX_PAGE, limit - len(found)), after=after)
        found += page.rows
        if not page.has_next:
            break
        after = Key(page.rows[-1].created_at, page.rows[-1].id).encode()
    return found
