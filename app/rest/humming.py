"""REST family 4: `POST /api/ai/hum-to-beat`, a hummed melody becomes a piece (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError

from app.rest.edge import services_of
from app.rest.music_shapes import GenerationStarted
from app.rest.particle_audio import MissingFile, song_of_form
from app.viewer import viewer_of
from db.assets import Asset
from domain import music
from domain.accounts import Viewer
from domain.music import NewPiece
from domain.ports import Services
from render.music.parameters import MAX_MOOD_CHARACTERS

FIELD = "file_upload"
QUEUED = "Melody-to-beat generation queued"
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}

router = APIRouter()


@router.post("/hum-to-beat", openapi_extra=_FORM)
async def hum_to_beat(
    request: Request,
    bpm: Annotated[int, Query(ge=60, le=300, description="120 gives way to the hum's own.")] = 120,
    mood: Annotated[str, Query(max_length=MAX_MOOD_CHARACTERS)] = "neutral",
) -> GenerationStarted:
    """The hummed melody leads: its key, contour and timing are those of the piece. `GET
    /api/ai/status/{task_id}` answers as for a generated piece.
    """
    viewer, services = await viewer_of(request), services_of(request)
    piece = NewPiece("", bpm=bpm, mood=mood)
    audio = await _recording(viewer, request, piece, services)
    job = await music.follow_song(viewer, audio, piece, field=FIELD, services=services)
    return GenerationStarted(task_id=str(job.id), message=QUEUED)


async def _recording(viewer: Viewer, request: Request, piece: NewPiece, services: Services) -> Asset:
    """As FastAPI's own form would be refused where the file is missing."""
    missing = RequestValidationError(
        [{"type": "missing", "loc": ("body", FIELD), "msg": "Field required", "input": None}]
    )
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise missing
    try:
        return await song_of_form(
            viewer,
            request,
            services,
            FIELD,
            most_bytes=services.limits.max_audio_bytes,
            store=partial(music.store_hum, piece=piece, field=FIELD),
        )
    except MissingFile as error:
        raise missing from error
