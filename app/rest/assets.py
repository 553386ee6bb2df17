"""`POST /assets`, `GET /assets/{id}/{filename}` and `GET /assets/{id}/thumbnail.jpg`.

The id names the asset; the file name in the path is for people and may be any. Errors are `{"detail": str}`:
`app.rest.errors` makes them for the application that these routes are part of.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.pages.vendor import page_routes
from app.rest.edge import id_or_missing, services_of
from app.rest.stored import IMMUTABLE, stored_response
from app.uploads import received_form
from app.viewer import viewer_of
from db.assets import Asset
from domain import assets, commits
from domain.assets.places import THUMBNAIL_NAME
from domain.errors import InvalidInput

MISSING = "Asset not found"


def asset_routes() -> list[Route]:
    """Files, and beside them what the documentation pages load."""
    return [
        Route("/assets", upload, methods=["POST"]),
        Route(f"/assets/{{id}}/{THUMBNAIL_NAME}", thumbnail, methods=["GET"]),
        Route("/assets/{id}/{filename}", download, methods=["GET"]),
        *page_routes(),
    ]


async def upload(request: Request) -> Response:
    viewer, services = await viewer_of(request), services_of(request)
    async with received_form(request, services) as form:
        file = form.files.get("file")
        if file is None:
            raise InvalidInput("file", "file is required: a multipart form with a file of that name")
        asset = await assets.store(viewer, file.path, file.filename, services=services, sha256=file.sha256)
    return JSONResponse(asset_body(asset, services.public_url), 201)


async def download(request: Request) -> Response:
    asset = await _asset(request)
    name = asset.filename
    saved = request.query_params.get("download", "0") not in ("0", "false", "")
    return await stored_response(
        request,
        asset.key,
        asset.content_type,
        attachment=name if saved else None,
        inline=name,
        etag=asset.sha256,
        cache=IMMUTABLE,
    )


async def thumbnail(request: Request) -> Response:
    asset = await _asset(request)
    key = await assets.thumbnail(asset, services=services_of(request))
    return await stored_response(request, key, "image/jpeg", cache=IMMUTABLE)


def asset_body(asset: Asset, public_url: str) -> dict[str, Any]:
    return {
        "id": str(asset.id),
        "kind": asset.kind,
        "filename": asset.filename,
        "content_type": asset.content_type,
        "size": asset.size,
        "sha256": asset.sha256,
        "url": assets.url(asset, public_url),
        "duration": asset.duration,
        "width": asset.width,
        "height": asset.height,
    }


async def _asset(request: Request) -> Asset:
    asset_id = id_or_missing(request.path_params["id"], MISSING)
    return await commits.shown_file(await viewer_of(request), asset_id)
