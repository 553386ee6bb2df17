"""Commits of stems that can be heard, over GraphQL: their renders, once a worker has made them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from tests.support.graphql_http import Api, data_of
from tests.support.stem_files import decoded, wav_of

RATE_HZ = 22_050
RENDER = """query ($id: ID!) { commit(id: $id) {
  id render { id url filename duration sampleRate channels sha256 } stems { type asset { id url } } } }"""
JOBS = """query ($id: ID!) { jobs(filter: {subjectId: $id}) { nodes {
  id kind status priority result error { code message } outputs { role asset { id } }
  subject { __typename ... on Commit { id message } } } } }"""

Sound = NDArray[np.float64]


def noise(seed: int, seconds: float = 1.0, channels: int = 2, top: float = 0.2) -> Sound:
    """(samples, channels) on the steps of 16 bits."""
    drawn = np.random.default_rng(seed).uniform(-top, top, (round(seconds * RATE_HZ), channels))
    return np.rint(drawn * 32768) / 32768


async def uploaded(graphql: Api, sound: Sound, name: str = "stem.wav") -> str:
    return str(data_of(await graphql.upload(name, wav_of(sound, RATE_HZ)))["uploadAsset"]["id"])


async def heard(graphql: Api, url: str) -> Sound:
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        answer = await client.get(url)
    assert answer.status_code == 200
    return decoded(answer.content)


async def jobs_about(graphql: Api, commit: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await graphql.run(JOBS, id=commit))["jobs"]["nodes"]
    return found


async def ended(graphql: Api, commit: str, seconds: float = 60.0) -> dict[str, Any]:
    """The one job about a commit, once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        (job,) = await jobs_about(graphql, commit)
        if job["status"] not in ("PENDING", "PROCESSING"):
            return job
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.05)


async def rendered(graphql: Api, commit: str, seconds: float = 60.0) -> dict[str, Any]:
    """The render of a commit, once there is one."""
    deadline = time.monotonic() + seconds
    while True:
        render: dict[str, Any] | None = (await graphql.run(RENDER, id=commit))["commit"]["render"]
        if render is not None:
            return render
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
