"""Variables that are nested deeper than Python's own JSON goes."""

from __future__ import annotations

import json

import pytest

from tests.support.graphql_ws import QUERY, subscribe_frame
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB

DEEP = {"lists": "[" * 1_010 + "]" * 1_010, "objects": '{"a":' * 1_010 + "1" + "}" * 1_010}


@pytest.mark.parametrize("query", [JOB, ALL, QUERY], ids=["job", "all", "query"])
@pytest.mark.parametrize("place", ["odd", "filter"])
@pytest.mark.parametrize("deep", DEEP.values(), ids=list(DEEP))
async def test_variables_of_any_depth_are_served_or_refused_in_words(
    deep: str, place: str, query: str, live: LiveApi
) -> None:
    job = await live.job()
    async with live.follower(job) as follower, live.socket() as client:
        frame = subscribe_frame("1", query, **{place: "DEEP"}, id=job.id)
        text = json.dumps(frame).replace('"DEEP"', deep)
        for _ in range(2):
            await client.connection.send(text)
            said = await client.receive()
            assert said["type"] in ("next", "error"), said
            if said["type"] == "error":
                assert said["payload"][0]["message"]
            await client.send({"type": "complete", "id": "1"})
            await client.send({"type": "ping"})
            while (await client.receive())["type"] != "pong":
                pass
        await live.serves(job, follower, 10.0)
