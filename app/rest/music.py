"""REST family 4, generation: a prompt becomes a piece, as a task (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from fastapi import APIRouter, Request

from app.rest.edge import id_or_missing, services_of
from app.rest.music_shapes import MAX_SECONDS, BatchStarted, GenerationRequest, GenerationStarted
from app.viewer import viewer_of
from domain import music
from domain.errors import InvalidInput
from domain.music import NewPiece

router = APIRouter()


@router.post("/generate")
async def generate(body: GenerationRequest, request: Request) -> GenerationStarted:
    """`GET /api/ai/status/{task_id}` then tells how far it is, and where the piece, its stems and its notes
    are.
    """
    viewer, services = await viewer_of(request), services_of(request)
    job = await music.generate(viewer, _piece(body), services=services)
    return GenerationStarted(task_id=str(job.id))


@router.post("/batch-generate")
async def batch_generate(body: list[GenerationRequest], request: Request) -> BatchStarted:
    """A task for each request, in their order: all are accepted or none."""
    viewer, services = await viewer_of(request), services_of(request)
    found = await music.generate_batch(viewer, [_piece(one) for one in body], services=services)
    return BatchStarted(task_ids=[str(job.id) for job in found], count=len(found))


def _piece(body: GenerationRequest) -> NewPiece:
    if body.commit_id is not None and body.repo_id is None:
        raise InvalidInput("commit_id", "commit_id needs repo_id: without one nothing is committed")
    return NewPiece(
        prompt=body.prompt,
        bpm=body.bpm,
        mood=body.mood,
        duration=body.duration,
        longest=MAX_SECONDS,
        key=body.key,
        seed=body.seed,
        repository_id=None if body.repo_id is None else id_or_missing(body.repo_id, "Repository not found"),
        parent_commit_id=None
        if body.commit_id is None
        else id_or_missing(body.commit_id, "Commit not found"),
    )
