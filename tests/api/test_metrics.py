"""`/metrics` of an application in this process: what requests, operations and sockets leave there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from tortoise.context import require_context
from websockets.asyncio.client import connect

from app.asgi import create_app
from app.settings import Settings
from db import sql
from db.queue_figures import _FIGURES
from tests.support.graphql_ws import socket
from tests.support.scrapes import Scrape, scrape, scrape_until
from tests.support.serving import serving

HTTP = "starling_http_request_duration_seconds_count"
OPERATIONS = "starling_graphql_operation_duration_seconds_count"


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(create_app(settings)) as url,
        httpx.AsyncClient(base_url=url, timeout=20, verify=False) as found,
    ):
        yield found


async def system(client: httpx.AsyncClient) -> str:
    made = await client.post("/particles/create", json={"particle_type": "snow", "config": {}})
    assert made.status_code in (200, 201), made.text
    return str(made.json()["system_id"])


async def test_requests_are_told_apart_by_method_route_and_class_of_status(client: httpx.AsyncClient) -> None:
    await client.get("/particles/types")
    await client.get("/api/particles/types")
    await client.get("/assets/not-an-id/song.mp3")
    await client.request("PROPFIND", "/graphql")
    await client.get("/ready?token=secret")
    found = await scrape(client)
    assert found.value(HTTP, method="GET", route="/particles/types", status="2xx") == 1
    assert found.value(HTTP, method="GET", route="/api/particles/types", status="2xx") == 1
    assert found.value(HTTP, method="GET", route="/assets/{id}/{filename}", status="4xx") == 1
    assert found.value(HTTP, method="other", route="/graphql", status="4xx") == 1
    assert found.value(HTTP, method="GET", route="/ready", status="5xx") == 1


async def test_operations_are_told_apart_by_type_and_name(client: httpx.AsyncClient) -> None:
    for query in (
        "query Who { viewer { authMode } }",
        "{ viewer { authMode } }",
        'mutation Remove { deleteAsset(id: "x") }',
        "{ nothing }",
        "{",
    ):
        await client.post("/graphql", json={"query": query})
    found = await scrape(client)
    assert found.value(OPERATIONS, type="query", name="Who") == 1
    assert found.value(OPERATIONS, type="query", name="anonymous") == 1
    assert found.value(OPERATIONS, type="mutation", name="Remove") == 1
    assert found.value(OPERATIONS, type="invalid", name="invalid") == 2
    assert found.value("starling_graphql_errors_total", code="NOT_FOUND") == 1
    assert found.value("starling_graphql_errors_total", code="BAD_USER_INPUT") == 2
    assert found.value("starling_graphql_operations_running", type="query") == 0


async def test_open_sockets_and_running_subscriptions_go_up_and_down(client: httpx.AsyncClient) -> None:
    def open_now(scraped: Scrape, route: str) -> float:
        return scraped.value("starling_open_sockets", route=route)

    place = str(client.base_url).replace("http", "ws", 1).rstrip("/")
    made = await system(client)
    async with (
        socket(str(client.base_url).rstrip("/")) as graphql,
        connect(f"{place}/particles/ws/{made}") as particles,
    ):
        await particles.recv()
        await graphql.subscribe("subscription Watch { allJobUpdates { cursor } }")
        found = await scrape_until(
            client, lambda at: at.value("starling_graphql_operations_running", type="subscription") == 1
        )
        assert open_now(found, "/graphql") == 1
        assert open_now(found, "/particles/ws/{system_id}") == 1
    found = await scrape_until(client, lambda at: open_now(at, "/graphql") == 0)
    found = await scrape_until(client, lambda at: open_now(at, "/particles/ws/{system_id}") == 0)
    assert found.value("starling_graphql_operations_running", type="subscription") == 0


@pytest.mark.slow
async def test_what_clients_make_up_does_not_become_series(client: httpx.AsyncClient) -> None:
    await client.get("/made/up")
    before = len(await scrape(client))

    async def make_up(number: int) -> None:
        await client.get(f"/made/up/{number}")
        await client.get(f"/assets/{number}/file-{number}")
        await client.post("/graphql", json={"query": f"query Made{number} {{ viewer {{ authMode }} }}"})

    for start in range(0, 1000, 50):
        await asyncio.gather(*(make_up(number) for number in range(start, start + 50)))
    found = await scrape(client)
    names = {labels["name"] for labels in found.labels(OPERATIONS)}
    assert len(names) == 201
    assert found.value(OPERATIONS, type="query", name="other") == 800
    series_of_one_histogram = 14
    assert len(found) - before < series_of_one_histogram * 210
    assert {labels["route"] for labels in found.labels(HTTP)} <= {
        "none",
        "/assets/{id}/{filename}",
        "/graphql",
        "/metrics",
    }


async def test_both_formats_that_prometheus_asks_for_are_spoken(client: httpx.AsyncClient) -> None:
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    open_metrics = await client.get("/metrics", headers={"accept": accept})
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
    assert "process_resident_memory_bytes" in plain.text
    refused = await client.get("/metrics", headers={"host": "evil.example"})
    assert refused.status_code == 421


async def test_a_queue_of_ten_thousand_jobs_is_scraped_by_its_index_in_no_time(
    client: httpx.AsyncClient,
) -> None:
    await sql.run(
        "INSERT INTO jobs (id, kind, owner_id, params, state, run_at, queue_at, stages, created_at,"
        " updated_at, completed_at) SELECT gen_random_uuid(), 'PARTICLE_RENDER', gen_random_uuid(), '{}',"
        " CASE WHEN i <= 10000 THEN 'PENDING' ELSE 'COMPLETED' END, now() - interval '1 hour',"
        " now() - interval '1 hour', '[]', now(), now(), CASE WHEN i > 10000 THEN now() END"
        " FROM generate_series(1, 40000) i"
    )
    await sql.run(
        "UPDATE jobs SET run_at = now() + interval '1 hour' WHERE state = 'PENDING' AND id::text < '4'"
    )
    await sql.run("ANALYZE jobs")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        found = await scrape(client)
        times.append(time.perf_counter() - began)
    due = found.value("starling_jobs_due", kind="PARTICLE_RENDER")
    assert due + found.value("starling_jobs_delayed", kind="PARTICLE_RENDER") == 10_000
    assert 0 < due < 10_000
    oldest = found.value("starling_jobs_oldest_due_age_seconds", kind="PARTICLE_RENDER")
    assert oldest == pytest.approx(3600, abs=60)
    assert min(times) < 0.2
    _, rows = await require_context().db().execute_query(f"EXPLAIN {_FIGURES}")
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    print(f"\n{min(times) * 1000:.0f} ms; {plan}")
    assert "jobs_due" in plan
    assert "jobs_leased" in plan
    assert "Seq Scan" not in plan
