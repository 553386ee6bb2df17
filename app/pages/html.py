"""The three pages as HTML. Each loads files of `vendor.FILES` and one small script of ours; no script is
inline, so the policy that comes with them lets no other run."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body>
<div id="page" data-url="{url}"></div>
<noscript>This page needs JavaScript.</noscript>
{scripts}
</body>
</html>
"""


def graphiql_page(endpoint: str = "/graphql") -> HTMLResponse:
    """An editor for the GraphQL endpoint, subscriptions included."""
    return _page(
        "Starling GraphQL",
        endpoint,
        ("graphiql.css", "pages.css"),
        ("react.js", "react-dom.js", "graphiql.js", "start-graphiql.js"),
    )


def swagger_page(openapi_url: str = "/openapi.json") -> HTMLResponse:
    return _page("Starling REST", openapi_url, ("swagger-ui.css",), ("swagger-ui.js", "start-swagger.js"))


def redoc_page(openapi_url: str = "/openapi.json") -> HTMLResponse:
    return _page("Starling REST", openapi_url, ("pages.css",), ("redoc.js", "start-redoc.js"))


def _page(title: str, url: str, styles: tuple[str, ...], scripts: tuple[str, ...]) -> HTMLResponse:
    body = _PAGE.format(
        title=escape(title),
        url=escape(url, quote=True),
        styles="\n".join(f'<link rel="stylesheet" href="/static/vendor/{name}">' for name in styles),
        scripts="\n".join(f'<script src="/static/vendor/{name}"></script>' for name in scripts),
    )
    return HTMLResponse(
        body, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    )
