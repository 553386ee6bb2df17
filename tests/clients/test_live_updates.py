"""Live updates as people receive them: graphql-ws from npm, and urql over it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.scripts import Script, both, connected, follow, follows_to_the_end
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB
from tests.support.scrapes import scrape, scrape_until
from tests.support.server import Server

WHO = "query { viewer { authMode } }"
CREATE = """mutation ($title: String) {
  createParticleSystem(input: {particleType: SNOW, name: $title, config: {duration: 1}}) { id name } }"""
RENDER = "mutation ($id: ID!) { renderParticleSystem(id: $id) { id status } }"
DELETE = "mutation ($id: ID!) { deleteAsset(id: $id) }"
SYSTEM = "subscription ($id: ID!) { particleSystemUpdates(id: $id) { name } }"


async def open_sockets(live: LiveApi) -> float:
    return (await scrape(live.http)).value("starling_open_sockets", route="/graphql")


@both
@pytest.mark.parametrize("web_socket", ["ws", "node"])
async def test_a_job_is_followed_to_its_end(client: str, web_socket: str, live: LiveApi) -> None:
    job = await live.job()
    async with connected(client, live.base_url, webSocket=web_socket) as following:
        await follow(following, job)
        await follows_to_the_end(following, job, 10.0)
        assert await following.hears() == {"closed": 1000}
        assert await following.ends() == []


@both
async def test_queries_mutations_and_subscriptions_share_a_socket(client: str, live: LiveApi) -> None:
    job = await live.job()
    async with connected(client, live.base_url) as sharing:
        await follow(sharing, job)
        assert (await sharing.result("who", WHO))["authMode"] == "OPEN"
        system = await sharing.result("create", CREATE, title="from npm")
        await sharing.do("subscribe", name="system", query=SYSTEM, variables={"id": system["id"]})
        assert (await sharing.update("system"))["name"] == "from npm"
        assert await open_sockets(live) == 1
        await sharing.do("unsubscribe", name="system")
        assert await sharing.of("system") == {"name": "system", "complete": True}
        await follows_to_the_end(sharing, job, 10.0)


@both
async def test_what_fails_is_an_error_of_its_operation_alone(client: str, live: LiveApi) -> None:
    job = await live.job()
    async with connected(client, live.base_url) as failing:
        await follow(failing, job)
        for name, query, code in (
            ("no job", JOB, "NOT_FOUND"),
            ("no field", "subscription { nothing }", "BAD_USER_INPUT"),
            ("no cursor", ALL, "BAD_USER_INPUT"),
        ):
            variables = {"after": "x"} if query == ALL else {"id": "x"}
            await failing.do("subscribe", name=name, query=query, variables=variables)
            said = await failing.of(name)
            assert said["error"]["errors"][0]["extensions"]["code"] == code
        await failing.do("subscribe", name="delete", query=DELETE, variables={"id": "x"})
        said = await failing.of("delete")
        (answer,) = (said[key] for key in ("next", "error") if key in said)
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert await failing.of("delete") == {"name": "delete", "complete": True}
        await follows_to_the_end(failing, job, 10.0)


async def test_a_lazy_client_connects_with_its_first_operation_and_leaves_with_its_last(
    live: LiveApi,
) -> None:
    job = await live.job()
    async with connected("graphql_ws", live.base_url) as lazy:
        await lazy.do("subscribe", name="job", query=JOB, variables={"id": job.id})
        assert "connected" in await lazy.hears()
        await lazy.update("job")
        await lazy.do("unsubscribe", name="job")
        assert await lazy.hears() == {"name": "job", "complete": True}
        assert await lazy.hears() == {"closed": 1000}
        await scrape_until(live.http, lambda at: at.value("starling_open_sockets", route="/graphql") == 0)


async def test_one_that_is_not_lazy_is_there_before_and_stays(live: LiveApi) -> None:
    job = await live.job()
    async with connected("graphql_ws", live.base_url, lazy=False, keepAlive=50) as eager:
        assert "connected" in await eager.hears()
        assert await eager.hears() == {"pong": True}
        await eager.do("subscribe", name="job", query=JOB, variables={"id": job.id})
        assert (await _beside_pongs(eager))["next"]
        await eager.do("unsubscribe", name="job")
        assert (await _beside_pongs(eager))["complete"]
        assert await eager.hears() == {"pong": True}
        assert await open_sockets(live) == 1
        await eager.do("dispose")
        assert await _beside_pongs(eager) == {"closed": 1000}


async def _beside_pongs(script: Script) -> dict[str, Any]:
    while (said := await script.hears()) == {"pong": True}:
        pass
    return said


@both
async def test_a_job_that_a_worker_runs_is_followed_to_its_end(client: str, server: Server) -> None:
    async with connected(client, server.base_url) as watching:
        system = await watching.result("create", CREATE)
        job = await watching.result("render", RENDER, id=system["id"])
        await watching.do("subscribe", name="job", query=JOB, variables={"id": job["id"]})
        updates = [await watching.update("job")]
        while updates[-1]["status"] not in ("COMPLETED", "FAILED"):
            updates.append(await watching.update("job"))
        assert await watching.of("job") == {"name": "job", "complete": True}
    assert (updates[-1]["status"], updates[-1]["progress"]) == ("COMPLETED", 100)
    assert [update["progress"] for update in updates] == sorted(update["progress"] for update in updates)
    assert len({update["cursor"] for update in updates}) == len(updates)
