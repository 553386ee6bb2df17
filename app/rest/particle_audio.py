"""A song that comes with the request: the multipart field `file`, straight to disk."""

from __future__ import annotations

from starlette.requests import Request

from app.rest.body_limit import allow_body
from app.uploads import OVERHEAD_BYTES, received_form
from db.assets import Asset
from domain import particles
from domain.accounts import Viewer
from domain.errors import InvalidInput
from domain.ports import Services


class MissingFile(InvalidInput):
    """The form has no file of the name."""


async def received_song(viewer: Viewer, request: Request, services: Services) -> Asset:
    """Raises InvalidInput (no file, no sound in it), and what an upload is refused for."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput("audio_path", "audio_path is required, or a multipart form with a file")
    return await song_of_form(viewer, request, services)


async def song_of_form(viewer: Viewer, request: Request, services: Services, name: str = "file") -> Asset:
    """Of a request that must be such a form, its file called `name`. Raises MissingFile, and as
    `received_song`."""
    allow_body(request, services.limits.max_video_bytes + OVERHEAD_BYTES)
    async with received_form(request, services) as form:
        file = form.files.get(name)
        if file is None:
            raise MissingFile(name, f"{name} is required: the form has no file of that name")
        return await particles.store_song(
            viewer, file.path, file.filename, sha256=file.sha256, services=services
        )
