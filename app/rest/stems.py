"""`POST /api/ai/separate-stems`: a stored song into four stems, as a task (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from fastapi import APIRouter, Request

from app.rest.edge import services_of
from app.rest.stem_shapes import SeparateRequest, SeparationStarted
from app.viewer import viewer_of
from domain import stems

router = APIRouter()


@router.post("/separate-stems")
async def separate_stems(body: SeparateRequest, request: Request) -> SeparationStarted:
    """`GET /api/ai/status/{task_id}` then names the stems: drums, bass, vocals, other."""
    viewer, services = await viewer_of(request), services_of(request)
    job = await stems.separate_named(viewer, body.file_path, "file_path", services=services)
    return SeparationStarted(task_id=str(job.id))
