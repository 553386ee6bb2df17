"""A song that comes with the request: the multipart field `file`, straight to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

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


class Store(Protocol):
    """Makes an asset of a staged file, or refuses it before anything is kept."""

    async def __call__(
        self, viewer: Viewer, staged: Path, filename: str, *, sha256: str | None, services: Services
    ) -> Asset: ...


async def song_of_form(
    viewer: Viewer,
    request: Request,
    services: Services,
    name: str = "file",
    *,
    most_bytes: int | None = None,
    store: Store = particles.store_song,
) -> Asset:
    """Of a request that must be such a form, its file called `name`, of at most so many bytes (a film's,
    where nothing is said). Raises MissingFile, as `received_song`, and what `store` raises."""
    most = services.limits.max_video_bytes if most_bytes is None else most_bytes
    allow_body(request, most + OVERHEAD_BYTES)
    async with received_form(request, services) as form:
        file = form.files.get(name)
        if file is None:
            raise MissingFile(name, f"{name} is required: the form has no file of that name")
        return await store(viewer, file.path, file.filename, sha256=file.sha256, services=services)
