"""What real processes write while all goes wrong: JSON, with ids, and no secret of anybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from db import sql
from domain.ports import Services
from tests.support.fault_proxy import FaultProxy
from tests.support.graphql_ws import socket
from tests.support.job_kinds import CHILD, FAILS, NOOP
from tests.support.job_workers import worker_processes
from tests.support.job_world import ended, submitted, until
from tests.support.scrapes import scrape
from tests.support.server import address, environment, starling, stop

pytestmark = pytest.mark.slow
OF_DATABASE, OF_REDIS, OF_STORAGE = "dbpass-4711-x%40y", "redispass-4712", "storepass-4713"
OF_WEBHOOKS, OF_AWS = "hooksecret-4714-0123456789abcdef0123", "awssecret-4715"
OF_CLIENT = "clientsecret-4716"
SECRETS = (OF_DATABASE, "dbpass-4711-x@y", OF_REDIS, OF_STORAGE, OF_WEBHOOKS, OF_AWS, OF_CLIENT)
HEADERS = {"Authorization": f"Bearer {OF_CLIENT}", "Cookie": f"session={OF_CLIENT}", "X-Api-Key": OF_CLIENT}
ID = "of-the-test-4717"
WAYS = ("logged", "warned", "written", "raised")  # how a child complains
STORAGE = f"s3://key:{OF_STORAGE}@bucket/prefix"


def with_password(url: str, user: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{password}@{rest.rpartition('@')[2]}"


async def bad_requests(url: str) -> None:
    """Everything that a client may send that is nobody else's business."""
    place = url.replace("http", "ws", 1)
    query = "query Look($id: ID!, $text: String) { job(id: $id) { id } }"
    submit = "mutation ($url: String!) { retryJob(id: $url) { job { id } } }"
    bodies = (
        {"query": query, "variables": {"id": OF_CLIENT, "text": [OF_CLIENT]}},
        {"query": query, "variables": OF_CLIENT},
        {"query": submit, "variables": {"url": f"https://user:{OF_CLIENT}@127.0.0.1/hook"}},
    )
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=30) as client:
        for path in ("/ready", "/health", "/metrics", "/particles/types", "/assets/none/none", "/graphql"):
            await client.get(path, params={"token": OF_CLIENT, "query": "{", "api_key": OF_CLIENT})
        for body in bodies:
            await client.post("/graphql", params={"access_token": OF_CLIENT}, json=body)
        await client.post("/assets", files={"file": ("song.mp3", b"no song")}, params={"secret": OF_CLIENT})
        await client.post("/particles/create", content=f'{{"password": "{OF_CLIENT}"')
    async with socket(f"{url}", additional_headers=HEADERS) as graphql:
        await graphql.subscribe(query, "op-1", id=OF_CLIENT, text=[OF_CLIENT])
        await graphql.receive()
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{place}/graphql?token={OF_CLIENT}", origin="https://evil.example"):  # type: ignore[arg-type]
            raise AssertionError("a page of a stranger was let in")
    assert refused.value.response.status_code == 403
    assert len(refused.value.response.headers["X-Request-ID"]) == 32
    assert "STARLING_CORS_ORIGINS" in json.loads(refused.value.response.body or b"")["detail"]


@asynccontextmanager
async def api_process(home: Path, given: dict[str, str]) -> AsyncIterator[str]:
    """Its address. Waited for and stopped in a thread: what it talks to is in this loop."""
    home.mkdir()
    process = starling(["api", "--port", "0"], environment(home, **given), home / "api.log")
    try:
        yield await asyncio.to_thread(address, process, home / "api.log")
    finally:
        await asyncio.to_thread(stop, process)


def read(text: str) -> list[dict[str, Any]]:
    """Every line as JSON but for the one that says where the server answers."""
    return [json.loads(line) for line in text.splitlines() if not line.startswith("Starling answers at ")]


async def test_no_secret_is_logged_whatever_fails(
    database: object, services: Services, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    given = {
        "STORAGE_URL": STORAGE,
        "STARLING_WEBHOOK_SECRET": OF_WEBHOOKS,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": OF_AWS,
        "AWS_ENDPOINT": "http://127.0.0.1:1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "nowhere",
        "STARLING_LOG_LEVEL": "DEBUG",
    }
    async with FaultProxy.before(database_url) as proxy, FaultProxy.before(redis_url) as redis:
        reached = with_password(proxy.url, "postgres", OF_DATABASE)
        rung = with_password(redis.url, "", OF_REDIS)
        home = tmp_path / "workers"
        async with worker_processes(reached, rung, home) as workers:
            given |= {"DATABASE_URL": reached, "REDIS_URL": rung}
            async with api_process(tmp_path / "api", given) as url:
                await workers.start(slots=2, children=1, JSON_LOGS="1", **given)
                await bad_requests(url)
                text = f"no answer of {reached}, nor of {rung}, nor {STORAGE} with {OF_AWS} and {OF_WEBHOOKS}"
                failing = await submitted(services, FAILS.name, how="tell", text=text)
                await until(failing.id, lambda job: job.attempt >= 1 and job.state == "PENDING")
                for fault in (proxy.refuse, proxy.blackhole):
                    fault()
                    proxy.reset()
                    redis.reset()
                    await bad_requests(url)
                    await asyncio.sleep(2)
                    proxy.heal()
                await ended((await submitted(services, NOOP.name)).id, 60)
            said = (tmp_path / "api" / "api.log").read_text() + workers.log()
    refused = tmp_path / "refused.log"
    given["DATABASE_URL"] = database_url
    for storage in (f"ftp://key:{OF_STORAGE}@bucket", f"s3://key:{OF_STORAGE}@@@"):
        settings = environment(tmp_path / "home", **given | {"STORAGE_URL": storage})
        process = starling(["api", "--port", "0"], settings, refused)
        assert await asyncio.to_thread(process.wait, 30) == 1
    said_in_the_end = said + refused.read_text()
    assert [secret for secret in SECRETS if secret in said_in_the_end] == []
    assert said.count("***") > 5
    lines = read(said)
    assert any("no answer of" in line.get("error", "") for line in lines)
    assert any("nothing claimed" in line["message"] for line in lines)
    requests = [line for line in lines if line["logger"] == "app.requests"]
    assert len(requests) >= 25
    assert all(line.get("request_id") for line in requests)
    assert not any("?" in line["path"] for line in requests)


async def test_every_line_of_a_job_names_it_and_those_of_its_child_too(
    database: object, services: Services, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with worker_processes(database_url, redis_url, tmp_path / "workers") as workers:
        await workers.start(slots=2, children=1, JSON_LOGS="1")
        crashing = await submitted(services, CHILD.name, function="segfault")
        failing = await submitted(services, FAILS.name, how="tell")
        complaining = [
            await submitted(services, CHILD.name, function="complain", args=[f"words of {number}"])
            for number in range(2)
        ]
        await ended((await submitted(services, NOOP.name)).id)
        await until(crashing.id, lambda job: job.crashes == 2)
        for job in (failing, *complaining):
            await until(job.id, lambda row: row.attempt >= 1 and row.state != "PROCESSING")
        started, *lines = read(workers.log())
    assert "takes jobs of" in started["message"]
    jobs = {str(job.id) for job in (crashing, failing, *complaining)}
    assert [line for line in lines if line.get("job_id") not in jobs] == []
    for number, job in enumerate(complaining):
        told = [line for line in lines if f": words of {number}" in line["message"] + line.get("error", "")]
        ways = {way for line in told for way in WAYS if f"{way}: words" in f"{line}"}
        assert ways == set(WAYS)
        assert {line["job_id"] for line in told} == {str(job.id)}
    words = [line for line in lines if "Segmentation fault" in line["message"]]
    assert words
    assert {line["job_id"] for line in words} == {str(crashing.id)}
    assert {line["logger"] for line in words} == {"workers.child_words"}
    for job in (crashing, failing, *complaining):
        told = [line for line in lines if str(job.id) in line["message"]]
        assert {line["job_id"] for line in told} == {str(job.id)}
    # Once for each attempt: the next may be over by now.
    told = [line for line in lines if "a secret of /this/machine" in line.get("error", "")]
    assert {line["job_id"] for line in told} == {str(failing.id)}


async def test_every_line_of_a_request_names_it_whatever_fails(
    database: object, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Nothing else is asked of the server meanwhile, so there is no line of anybody else."""
    async with FaultProxy.before(redis_url) as redis:
        given = {"DATABASE_URL": database_url, "REDIS_URL": redis.url, "STARLING_LOG_LEVEL": "INFO"}
        async with api_process(tmp_path / "api", given) as url:
            log = tmp_path / "api" / "api.log"
            before = len(read(log.read_text()))
            async with httpx.AsyncClient(base_url=url, headers={"X-Request-ID": ID}, timeout=30) as client:
                made = await client.post("/particles/create", json={"particle_type": "snow", "config": {}})
                redis.refuse()
                redis.reset()
                rung = await client.post(f"/particles/systems/{made.json()['system_id']}/render", json={})
                assert rung.status_code == 200
                await sql.run("ALTER TABLE particle_systems RENAME TO not_there")
                await sql.run("ALTER TABLE assets RENAME TO no_assets")
                failed = [
                    await client.get("/particles/systems"),
                    await client.get("/assets/5a2f0c9e-0000-4000-8000-000000000000/song.mp3"),
                    await client.post("/graphql", json={"query": "{ particleSystems { totalCount } }"}),
                ]
                counted = await scrape(client)
            lines = read(log.read_text())[before:]
    assert [(answer.status_code, answer.headers.get("X-Request-ID")) for answer in failed] == [
        (500, ID),
        (500, ID),
        (200, ID),
    ]
    labels = {"method": "GET", "route": "/assets/{id}/{filename}", "status": "5xx"}
    assert counted.value("starling_http_request_duration_seconds_count", **labels) == 1
    of_nobody = [line for line in lines if line["logger"] == "app.events"]  # it listens for all
    assert [line for line in lines if line not in of_nobody and line.get("request_id") != ID] == []
    assert {line["logger"] for line in lines} >= {"app.requests", "workers.doorbell", "starling.graphql"}
    assert len([line for line in lines if "error" in line]) == len(failed)
