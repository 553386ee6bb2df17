"""Audio files of the fourth family: `POST /api/audio/upload`, and the paths that its results name.

A file name is looked for among the owner's assets; no path that a client says is opened.
"""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.rest.edge import services_of
from app.rest.particle_audio import song_of_form
from app.rest.stored import REVALIDATED, stored_response
from app.viewer import viewer_of
from domain import assets
from domain.errors import InvalidInput, NotFound

STATIC = "/static/audio/"
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}

router = APIRouter()


class UploadedAudio(BaseModel):
    filename: str
    path: str
    size: int
    id: str


@router.post("/api/audio/upload", openapi_extra=_UPLOAD)
async def upload(request: Request) -> UploadedAudio:
    """Stores a file with sound in it, recognised by its content; the path downloads it."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput("file", "file is required, as multipart/form-data")
    asset = await song_of_form(await viewer_of(request), request, services_of(request))
    return UploadedAudio(
        filename=asset.filename,
        path=f"{STATIC}{quote(asset.filename, safe='')}",
        size=asset.size,
        id=str(asset.id),
    )


@router.get("/api/audio/download/{filename}", response_class=Response)
@router.head("/api/audio/download/{filename}", include_in_schema=False)
async def download(request: Request, filename: str) -> Response:
    """The bytes, to be saved under the stored name."""
    return await _stored(request, filename, is_saved=True)


@router.get(f"{STATIC}{{filename}}", response_class=Response)
@router.head(f"{STATIC}{{filename}}", include_in_schema=False)
async def static(request: Request, filename: str) -> Response:
    """The bytes, to be played; answers Range requests."""
    return await _stored(request, filename, is_saved=False)


async def _stored(request: Request, filename: str, *, is_saved: bool) -> Response:
    asset = await assets.find_named(await viewer_of(request), filename)
    if asset is None:
        raise NotFound("Audio file not found", field="filename")
    return await stored_response(
        request,
        asset.key,
        asset.content_type,
        attachment=asset.filename if is_saved else None,
        inline=asset.filename,
        etag=asset.sha256,
        cache=REVALIDATED,
    )
