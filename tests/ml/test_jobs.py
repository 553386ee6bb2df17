"""Trained models through a real server and worker: generateMusic and separateStems as jobs, by setting."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.ml import REASON

pytest.importorskip("torch", reason=REASON)

from app.engines import Engines
from tests.api.test_humming import FOLLOW
from tests.api.test_music import COMMIT, GENERATE
from tests.api.test_stems import SEPARATE
from tests.api.test_whole_way import CANCEL, WATCH, followed
from tests.rest.songs import kick_wav
from tests.rest.test_stems import started, statuses, uploaded
from tests.support.clones import Clones
from tests.support.graphql_http import Api, api, data_of
from tests.support.graphql_ws import socket
from tests.support.hums import star, wav
from tests.support.music import CREATE
from tests.support.server import Server, running_server
from tests.support.stem_files import decoded, missing_db

JOB = """query ($id: ID!) { job(id: $id) { status cached result error { code message } stages { name message }
  outputs { role asset { filename contentType duration url sha256 } } } }"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, demucs_model: Path) -> Path:
    """A cache of the hub with one model, `tiny/demucs`."""
    home = tmp_path_factory.mktemp("hub")
    place = home / "models--tiny--demucs"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("b" * 40)
    shutil.copytree(demucs_model, place / "snapshots" / ("b" * 40))
    return home


@pytest.fixture(scope="module")
def server(
    engines: Engines, clones: Clones, text_model: Path, melody_model: Path, hub: Path
) -> Iterator[Server]:
    with (
        clones.one() as url,
        running_server(
            url,
            f"{engines.addresses.redis_url}?db=5",
            STARLING_WORKER_SLOTS="1",  # one child of each kind: each imports torch
            STARLING_MUSIC_PROVIDER="musicgen",
            STARLING_MUSICGEN_MODEL=str(text_model),
            STARLING_MUSICGEN_MELODY_MODEL=str(melody_model),
            STARLING_STEMS_PROVIDER="demucs",
            STARLING_DEMUCS_MODEL="tiny/demucs",
            HF_HUB_OFFLINE="1",
            HF_HUB_CACHE=str(hub),
        ) as running,
    ):
        with httpx.Client(base_url=running.base_url, timeout=60, trust_env=False) as client:
            first = {"prompt": "The first one waits for torch", "duration": 5}
            answer = client.post("/api/ai/generate", json=first)
            assert statuses(client, answer.json()["task_id"], 240.0)[-1]["status"] == "success"
        yield running


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def generated(graphql: Api, **input: Any) -> dict[str, Any]:
    """The job, ended."""
    job = (await graphql.run(GENERATE, input=input))["generateMusic"]
    if not job["cached"]:
        await followed(graphql, job["id"])
    return {**job, **(await graphql.run(JOB, id=job["id"]))["job"]}


async def test_musicgen_makes_the_piece_and_says_so(graphql: Api) -> None:
    said = {"prompt": "Calm jazz piano, 90 bpm", "bpm": 120, "mood": "dark", "duration": 6.0, "seed": 5}
    job = (await graphql.run(GENERATE, input=said))["generateMusic"]
    updates = await followed(graphql, job["id"])
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress) and (updates[-1]["status"], progress[-1]) == ("COMPLETED", 100)
    assert any("s drawn" in (update["message"] or "") for update in updates)
    found = (await graphql.run(JOB, id=job["id"]))["job"]
    told = found["result"]
    assert (told["provider"], told["model"]) == ("musicgen", "tiny-musicgen")
    assert (told["bpm"], told["key"], told["seed"], told["stems"]) == (90, None, 5, [])
    assert told["parameters"] == {"text": "Calm jazz piano, 90 bpm, dark", "duration": 6.0, "seed": 5}
    assert told["loudness_lufs"] == pytest.approx(-14, abs=0.2) and told["true_peak_dbtp"] < -1
    files = {output["role"]: output["asset"] for output in found["outputs"]}
    assert list(files) == ["audio", "preview"]
    assert (files["audio"]["contentType"], files["audio"]["duration"]) == ("audio/flac", 6.0)
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        assert decoded((await client.get(files["audio"]["url"])).content).shape == (6 * 44_100, 2)

    again = await generated(graphql, **said)
    assert again["cached"] is True
    assert again["outputs"][0]["asset"]["sha256"] == files["audio"]["sha256"]
    assert (await generated(graphql, **{**said, "seed": 6}))["cached"] is False


async def test_its_longest_piece_is_its_own(graphql: Api) -> None:
    refusal = await graphql.refusal(GENERATE, input={"prompt": "jazz", "duration": 31.0})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "duration")
    assert "5 to 30 seconds with musicgen" in refusal.message


async def test_a_piece_is_committed_without_stems_that_it_does_not_have(graphql: Api) -> None:
    id = (await graphql.run(CREATE, input={"name": "drawn"}))["createRepository"]["id"]
    job = await generated(graphql, prompt="piano in A minor", duration=5.0, repositoryId=id)
    commit = (await graphql.run(COMMIT, id=job["result"]["commit"]["id"]))["commit"]
    assert (commit["keySignature"], commit["stems"]) == ("A minor", [])
    assert commit["generationParams"]["provider"] == "musicgen"
    assert commit["generationParams"]["model"] == "tiny-musicgen"
    assert commit["render"] is not None


async def test_a_drawing_is_cancelled_by_ending_its_child(graphql: Api, server: Server) -> None:
    job = (await graphql.run(GENERATE, input={"prompt": "techno", "duration": 30.0}))["generateMusic"]
    watched: list[dict[str, Any]] = []
    children = {child.pid for child in psutil.Process(server.workers[0].pid).children()}
    async with socket(graphql.base_url) as client:
        async for data in client.updates(WATCH, id=job["id"]):
            watched.append(data["jobUpdates"])
            if "s drawn" in (watched[-1]["message"] or "") and watched[-1]["status"] == "PROCESSING":
                await graphql.run(CANCEL, id=job["id"])
    assert watched[-1]["status"] == "CANCELLED"
    assert {child.pid for child in psutil.Process(server.workers[0].pid).children()} != children
    assert (await graphql.run(JOB, id=job["id"]))["job"]["outputs"] == []
    assert (await generated(graphql, prompt="techno", duration=5.0))["status"] == "COMPLETED"


async def test_a_hum_is_followed_by_the_model_for_melodies(graphql: Api) -> None:
    hum = data_of(await graphql.upload("hum.wav", wav(star())))["uploadAsset"]["id"]
    job = (await graphql.run(FOLLOW, input={"audioId": hum, "prompt": "", "duration": 5.0}))["melodyToMusic"]
    await followed(graphql, job["id"])
    found = (await graphql.run(JOB, id=job["id"]))["job"]
    assert found["status"] == "COMPLETED", found
    told = found["result"]
    assert (told["provider"], told["model"], told["bpm"]) == ("musicgen", "tiny-melody", None)
    assert told["hum"]["notes"] > 10 and told["parameters"]["text"] == ""
    assert [output["role"] for output in found["outputs"]] == ["audio", "preview"]


async def test_demucs_parts_a_song_and_says_so(graphql: Api) -> None:
    song = kick_wav(4.0, sample_rate_hz=32_000, channels=2)
    id = data_of(await graphql.upload("kicks.wav", song))["uploadAsset"]["id"]
    job = (await graphql.run(SEPARATE, id=id))["separateStems"]
    await followed(graphql, job["id"])
    found = (await graphql.run(JOB, id=job["id"]))["job"]
    assert (found["result"]["provider"], found["result"]["model"]) == ("demucs", "tiny/demucs")
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        stems = [decoded((await client.get(one["asset"]["url"])).content) for one in found["outputs"]]
    assert len(stems) == 4 and missing_db(decoded(song), stems) < -60
    assert found["result"]["model_commit"] == "b" * 40
    again = (await graphql.run(SEPARATE, id=id))["separateStems"]
    assert (again["status"], again["cached"]) == ("COMPLETED", True)


def test_rest_names_provider_and_model(server: Server) -> None:
    with httpx.Client(base_url=server.base_url, timeout=60, trust_env=False) as client:
        uploaded(client, "rest kicks.wav", kick_wav(2.0, sample_rate_hz=44_100))
        result = statuses(client, started(client, "/static/audio/rest kicks.wav"))[-1]["result"]
        assert (result["provider"], result["model"]) == ("demucs", "tiny/demucs")
        answer = client.post("/api/ai/generate", json={"prompt": "Calm piano", "duration": 5})
        result = statuses(client, answer.json()["task_id"])[-1]["result"]
        assert (result["provider"], result["model"]) == ("musicgen", "tiny-musicgen")
        assert (result["stems"], result["midi_path"]) == ({}, None)
        assert client.get(result["file_path"]).status_code == 200
