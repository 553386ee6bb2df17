"""What a track is as music, asked for over HTTP of a real server and worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from bench.labelled import RATE, chord_song, wav_of
from tests.api.test_whole_way import followed
from tests.rest.songs import kick_wav, pixel_png
from tests.support.graphql_http import Api, api, data_of
from tests.support.rows import unknown_ids
from tests.support.server import Server

FACTS = """{ duration bpm bpmConfidence bpmCandidates key keyConfidence loudnessLufs truePeakDbtp
  beats downbeats energy }"""
ANALYZE = f"mutation ($id: ID!) {{ analyzeAudio(audioId: $id) {FACTS} }}"
ASSET = f"query ($id: ID!) {{ asset(id: $id) {{ analysis {FACTS} }} }}"
JOBS = """query ($id: ID!) { jobs(filter: {kind: [AUDIO_ANALYZE], subjectId: $id}) {
  nodes { id status result progress stages { name status } subject { __typename } } } }"""


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def uploaded(graphql: Api, name: str, content: bytes) -> str:
    id = data_of(await graphql.upload(name, content))["uploadAsset"]["id"]
    assert isinstance(id, str)
    return id


async def analyzed(graphql: Api, id: str) -> dict[str, Any]:
    facts = (await graphql.run(ANALYZE, id=id))["analyzeAudio"]
    assert isinstance(facts, dict)
    return facts


async def test_a_song_is_heard_once_and_known_ever_after(graphql: Api) -> None:
    song = wav_of(chord_song(9, "minor", 96.0, 20.0))
    id = await uploaded(graphql, "song.wav", song)
    assert (await graphql.run(ASSET, id=id))["asset"] == {"analysis": None}
    facts = await analyzed(graphql, id)
    assert facts["bpm"] == pytest.approx(96.0, rel=0.005)
    assert facts["bpmCandidates"][0] == pytest.approx(facts["bpm"], abs=0.01)
    assert facts["key"] == "A minor"
    assert facts["duration"] == pytest.approx(20.0, abs=0.01)
    assert -40.0 < facts["loudnessLufs"] < facts["truePeakDbtp"] < 1.0
    assert len(facts["beats"]) == len(facts["energy"])
    assert set(facts["downbeats"]) < set(facts["beats"])
    assert (await graphql.run(ASSET, id=id))["asset"] == {"analysis": facts}
    assert await analyzed(graphql, id) == facts
    again = await uploaded(graphql, "the same under another name.wav", song)
    assert await analyzed(graphql, again) == facts
    (job,) = (await graphql.run(JOBS, id=id))["jobs"]["nodes"]
    assert (job["status"], job["progress"]) == ("COMPLETED", 100)
    assert job["result"]["provider"] == "starling-analysis"
    assert job["result"]["bpm"] == facts["bpm"]
    assert (await graphql.run(JOBS, id=again))["jobs"]["nodes"] == []


async def test_silence_has_neither_beat_nor_key(graphql: Api) -> None:
    facts = await analyzed(graphql, await uploaded(graphql, "silence.wav", wav_of(np.zeros(3 * RATE))))
    assert facts == {
        "duration": 3.0,
        "bpm": None,
        "bpmConfidence": 0.0,
        "bpmCandidates": [],
        "key": None,
        "keyConfidence": 0.0,
        "loudnessLufs": None,
        "truePeakDbtp": None,
        "beats": [],
        "downbeats": [],
        "energy": [],
    }


async def test_many_who_ask_at_once_get_the_same(graphql: Api) -> None:
    id = await uploaded(graphql, "many.wav", kick_wav(7.5))
    first, *others = await asyncio.gather(*(analyzed(graphql, id) for _ in range(6)))
    assert all(facts == first for facts in others)
    for job in (await graphql.run(JOBS, id=id))["jobs"]["nodes"]:
        await followed(graphql, job["id"])


async def test_what_has_no_sound_is_refused_by_name(graphql: Api) -> None:
    id = await uploaded(graphql, "dot.png", pixel_png())
    refusal = await graphql.refusal(ANALYZE, id=id)
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "audioId")
    assert (await graphql.run(ASSET, id=id))["asset"] == {"analysis": None}


@pytest.mark.parametrize("id", unknown_ids())
async def test_what_is_not_there_is_not_found(graphql: Api, id: str) -> None:
    refusal = await graphql.refusal(ANALYZE, id=id)
    assert (refusal.code, refusal.field) == ("NOT_FOUND", "audioId")
