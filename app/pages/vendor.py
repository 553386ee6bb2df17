"""`/static/vendor/{name}`: the files of the documentation pages, by a fixed list of names."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

HERE = Path(__file__).resolve().parent
FILES = {
    "react.js": "node_modules/react/umd/react.production.min.js",
    "react-dom.js": "node_modules/react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "node_modules/graphiql/graphiql.min.js",
    "graphiql.css": "node_modules/graphiql/graphiql.min.css",
    "swagger-ui.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
    "redoc.js": "node_modules/redoc/bundles/redoc.standalone.js",
    "pages.css": "scripts/pages.css",
    "start-graphiql.js": "scripts/graphiql.js",
    "start-swagger.js": "scripts/swagger.js",
    "start-redoc.js": "scripts/redoc.js",
}
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


async def _vendor(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return PlainTextResponse("Not found", 404)
    path = HERE / FILES[name]
    if not path.is_file():
        return PlainTextResponse("The pages are not installed: run `make setup`", 404)
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def page_routes() -> list[Route]:
    return [Route("/static/vendor/{name}", _vendor, methods=["GET"])]
