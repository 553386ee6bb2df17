"""`callbackUrl` as a client gives it: refused by name, or told when the film is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest

from app.engines import Engines
from app.webhooks import HttpCaller
from db.jobs import Job
from domain.ports import Services, Webhooks
from domain.webhooks import key_of
from tests.api.test_whole_way import JOB, RENDER, a_small_system, followed
from tests.support.graphql_http import Api, api
from tests.support.inprocess import served
from tests.support.receiver import SECRET, Receiver
from tests.support.server import Server, running_server


@pytest.fixture
async def signing(services: Services) -> AsyncIterator[Api]:
    """An API with a secret, in this process, and no worker."""
    webhooks = Webhooks(HttpCaller(), (key_of(SECRET),))
    async with served(replace(services, webhooks=webhooks)) as url, api(url) as client:
        yield client


async def test_without_a_secret_a_callback_url_is_refused(graphql: Api) -> None:
    system = await a_small_system(graphql)
    refused = await graphql.refusal(RENDER, id=system, options={"callbackUrl": "https://hooks.example/"})
    assert (refused.code, refused.field) == ("BAD_USER_INPUT", "callbackUrl")
    assert "STARLING_WEBHOOK_SECRET" in refused.message
    assert await Job.all().count() == 0


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://hooks.example:8443/", "nonsense"])
async def test_a_callback_url_that_leads_inside_is_refused(signing: Api, url: str) -> None:
    system = await a_small_system(signing)
    refused = await signing.refusal(RENDER, id=system, options={"callbackUrl": url})
    assert (refused.code, refused.field) == ("BAD_USER_INPUT", "callbackUrl")
    assert url not in refused.message
    assert await Job.all().count() == 0


async def test_a_callback_url_is_part_of_what_an_idempotency_key_stands_for(signing: Api) -> None:
    system = await a_small_system(signing)
    options = {"callbackUrl": "https://hooks.example/one", "idempotencyKey": "once"}
    first = await signing.run(RENDER, id=system, options=options)
    assert await signing.run(RENDER, id=system, options=options) == first
    assert (await Job.get()).callback_url == "https://hooks.example/one"
    other = {**options, "callbackUrl": "https://hooks.example/two"}
    assert (await signing.refusal(RENDER, id=system, options=other)).code == "CONFLICT"


@pytest.fixture
def telling_server(database_url: str, engines: Engines) -> Iterator[Server]:
    """Real processes, set up by their environment alone."""
    with running_server(
        database_url,
        f"{engines.addresses.redis_url}?db=2",
        STARLING_WEBHOOK_SECRET=SECRET,
        STARLING_WEBHOOK_ALLOW_PRIVATE="yes",
    ) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_film_is_told_with_an_address_to_fetch_it_from(telling_server: Server) -> None:
    async with Receiver.open() as receiver, api(telling_server.base_url) as graphql:
        system = await a_small_system(graphql)
        options = {"callbackUrl": receiver.url}
        job = (await graphql.run(RENDER, id=system, options=options))["renderParticleSystem"]
        await followed(graphql, job["id"])
        (call,) = await receiver.heard()
        video = (await graphql.run(JOB, id=job["id"]))["job"]["video"]
    assert call.signatures(SECRET.encode()) == [True]
    assert (call.told["type"], call.job) == ("job.completed", job["id"])
    assert call.told["data"]["subject"] == {"type": "ParticleSystem", "id": system}
    (film,) = call.told["data"]["outputs"]
    assert (film["role"], film["asset"], film["url"]) == ("video", video["id"], video["url"])
    fetched = httpx.get(telling_server.base_url + film["url"])
    assert (fetched.status_code, len(fetched.content)) == (200, film["size"])
