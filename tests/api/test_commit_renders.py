"""What commits lack at first, through a real server and worker: the mix of their stems, what became of a stem
told in figures and as sound, and conflicts that can be listened to and mixed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from tests.api.test_version_control import BRANCH, DELETE, FORK
from tests.api.test_whole_way import RETRY, followed
from tests.support.graphql_http import Api, api
from tests.support.job_history import eventually
from tests.support.music import COMMIT, made
from tests.support.server import Server
from tests.support.sounding_commits import (
    RATE_HZ,
    RENDER,
    ended,
    heard,
    jobs_about,
    noise,
    rendered,
    uploaded,
)

DIFF = """query ($base: ID!, $head: ID!) { diffCommits(baseId: $base, headId: $head) {
  stems { type change loudnessDeltaDb similarity } } }"""
MERGE = """mutation ($input: MergeInput!) { mergeBranches(input: $input) {
  status commit { id stems { type gain asset { id url filename } } }
  conflicts { type base { asset { url } } ours { asset { url } } theirs { asset { url } } } } }"""
SOUND = """mutation ($base: ID!, $head: ID!, $type: StemType!, $options: JobOptions) {
  renderStemDiff(baseId: $base, headId: $head, type: $type, options: $options) {
    id kind status cached result subject { ... on Commit { id } } audio { url filename } } }"""
JOB = "query ($id: ID!) { job(id: $id) { status result error { code message } audio { url filename } } }"
PROGRESS = "query ($id: ID!) { job(id: $id) { status progress attempts } }"
COPIES = """query ($id: ID!) { repository(id: $id) { commits { nodes { render { id } } } } }"""


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


@pytest.fixture
async def repository(graphql: Api) -> str:
    return await made(graphql, f"song {uuid4()}")


async def committed(
    graphql: Api, repository: str, stems: dict[str, tuple[str, float]] | None = None, **given: Any
) -> str:
    """Stems are files and gains by type."""
    said: dict[str, Any] = {"repositoryId": repository, "message": "a change", **given}
    if stems is not None:
        said["stems"] = [{"type": type, "assetId": id, "gain": gain} for type, (id, gain) in stems.items()]
    return str((await graphql.run(COMMIT % "", input=said))["createCommit"]["id"])


async def test_a_commit_gets_the_sum_of_its_stems_and_those_with_the_same_stems_share_it(
    graphql: Api, repository: str
) -> None:
    drums, bass = noise(1, 1.0), noise(2, 1.5, 1)
    stems = {"DRUMS": (await uploaded(graphql, drums), 1.0), "BASS": (await uploaded(graphql, bass), 0.5)}
    first = await committed(graphql, repository, stems)
    job = await ended(graphql, first)
    assert (job["kind"], job["status"], job["priority"]) == ("COMMIT_RENDER", "COMPLETED", "LOW")
    assert job["subject"] == {"__typename": "Commit", "id": first, "message": "a change"}
    render = (await graphql.run(RENDER, id=first))["commit"]["render"]
    assert [(one["role"], one["asset"]["id"]) for one in job["outputs"]] == [("audio", render["id"])]
    assert (render["duration"], render["sampleRate"], render["channels"]) == (1.5, RATE_HZ, 2)
    wanted = 0.5 * np.repeat(bass, 2, axis=1)
    wanted[: len(drums)] += drums
    assert np.abs(await heard(graphql, render["url"]) - wanted).max() < 1e-6
    assert (job["result"]["gain_db"], job["result"]["stems"]) == (0, ["drums", "bass"])

    slower = await committed(graphql, repository, bpm=90)
    assert (await graphql.run(RENDER, id=slower))["commit"]["render"]["id"] == render["id"]
    assert await jobs_about(graphql, slower) == []
    fork = await graphql.run(FORK, input={"repositoryId": repository, "name": f"fork {uuid4()}"})
    copies = (await graphql.run(COPIES, id=fork["forkRepository"]["id"]))["repository"]["commits"]["nodes"]
    assert copies == [{"render": {"id": render["id"]}}] * 2

    quieter = await committed(graphql, repository, {**stems, "DRUMS": (stems["DRUMS"][0], 0.25)})
    assert (await rendered(graphql, quieter))["id"] != render["id"]
    back = await committed(graphql, repository, stems)
    assert (await rendered(graphql, back))["id"] == render["id"]


async def test_a_fork_that_is_made_first_has_the_render_too(graphql: Api, repository: str) -> None:
    long = await uploaded(graphql, noise(3, 60.0))
    commit = await committed(graphql, repository, {"OTHER": (long, 1.0)})
    said = {"repositoryId": repository, "name": f"fork {uuid4()}"}
    fork = (await graphql.run(FORK, input=said))["forkRepository"]["id"]
    render = await rendered(graphql, commit)
    copies = (await graphql.run(COPIES, id=fork))["repository"]["commits"]["nodes"]
    assert copies == [{"render": {"id": render["id"]}}]
    await graphql.run(DELETE, id=repository)
    copies = (await graphql.run(COPIES, id=fork))["repository"]["commits"]["nodes"]
    assert copies == [{"render": {"id": render["id"]}}]


async def test_the_same_sound_of_other_files_is_not_mixed_again(graphql: Api, repository: str) -> None:
    sound = noise(4)
    first = await committed(graphql, repository, {"DRUMS": (await uploaded(graphql, sound, "a.wav"), 1.0)})
    render = await rendered(graphql, first)
    other = await made(graphql, f"other {uuid4()}")
    second = await committed(graphql, other, {"DRUMS": (await uploaded(graphql, sound, "b.wav"), 1.0)})
    job = await ended(graphql, second)
    again = await rendered(graphql, second)
    assert (job["status"], again["sha256"]) == ("COMPLETED", render["sha256"])
    assert again["id"] != render["id"]

    retry = (await graphql.run(RETRY, id=job["id"]))["retryJob"]
    await followed(graphql, retry["id"])
    done = (await graphql.run(JOB, id=retry["id"]))["job"]
    assert (done["status"], done["error"]) == ("COMPLETED", None)
    assert (await rendered(graphql, second))["id"] == again["id"]


async def test_a_mix_of_ones_own_stays_and_its_stems_are_heard_all_the_same(
    graphql: Api, repository: str
) -> None:
    mine = await uploaded(graphql, noise(5))
    one, two = await uploaded(graphql, noise(6)), await uploaded(graphql, noise(6, top=0.1))
    first = await committed(graphql, repository, {"DRUMS": (one, 1.0)}, renderId=mine)
    second = await committed(graphql, repository, {"DRUMS": (two, 1.0)}, renderId=mine)
    for commit in (first, second):
        job = await ended(graphql, commit)
        assert (job["status"], job["outputs"]) == ("COMPLETED", [])
        assert (await graphql.run(RENDER, id=commit))["commit"]["render"]["id"] == mine
    (found,) = (await graphql.run(DIFF, base=first, head=second))["diffCommits"]["stems"]
    assert found["loudnessDeltaDb"] == pytest.approx(-6.02, abs=0.1)
    same = await committed(graphql, repository, bpm=90)
    assert (await graphql.run(RENDER, id=same))["commit"]["render"]["id"] == mine
    assert await jobs_about(graphql, same) == []


async def test_loud_stems_are_turned_down_together_and_no_stems_have_no_render(
    graphql: Api, repository: str
) -> None:
    assert await jobs_about(graphql, await committed(graphql, repository, {})) == []
    loud = await uploaded(graphql, noise(7, top=0.9))
    commit = await committed(graphql, repository, {"DRUMS": (loud, 4.0), "BASS": (loud, 4.0)})
    job = await ended(graphql, commit)
    assert job["result"]["gain_db"] == pytest.approx(20 * np.log10(1 / 7.2), abs=0.1)
    sound = await heard(graphql, (await rendered(graphql, commit))["url"])
    assert 0.99 < np.abs(sound).max() <= 1.0


async def test_a_stem_that_cannot_be_decoded_is_named_and_the_commit_stays(
    graphql: Api, repository: str, server: Server
) -> None:
    good, bad = await uploaded(graphql, noise(8)), await uploaded(graphql, noise(9))
    sha256 = (await graphql.run("query ($id: ID!) { asset(id: $id) { sha256 } }", id=bad))["asset"]["sha256"]
    stored = server.home / "files" / "assets" / sha256[:2] / sha256
    stored.chmod(0o600)
    stored.write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    commit = await committed(graphql, repository, {"DRUMS": (good, 1.0), "BASS": (bad, 1.0)})
    job = await ended(graphql, commit)
    assert (job["status"], job["error"]["code"]) == ("FAILED", "BAD_USER_INPUT")
    assert job["error"]["message"].startswith("The BASS stem: The WAV file is cut off")
    assert (await graphql.run(RENDER, id=commit))["commit"]["render"] is None
    again = await committed(graphql, repository, bpm=90)
    assert await jobs_about(graphql, again) == []


async def test_what_became_of_each_stem_in_figures(graphql: Api, repository: str) -> None:
    a, b, c = [await uploaded(graphql, noise(seed, 2.0)) for seed in (11, 12, 13)]
    silence = await uploaded(graphql, 0 * noise(1))
    base = await committed(
        graphql, repository, {"DRUMS": (a, 1.0), "BASS": (b, 1.0), "VOCALS": (c, 1.0), "MELODY": (a, 1.0)}
    )
    head = await committed(
        graphql,
        repository,
        {"DRUMS": (a, 0.5), "BASS": (b, 1.0), "MELODY": (silence, 1.0), "OTHER": (c, 1.0)},
    )
    for commit in (base, head):
        await rendered(graphql, commit)
    found = (await graphql.run(DIFF, base=base, head=head))["diffCommits"]["stems"]
    by_type = {one["type"]: (one["change"], one["loudnessDeltaDb"], one["similarity"]) for one in found}
    assert by_type["DRUMS"] == ("CHANGED", pytest.approx(-6.02, abs=0.01), pytest.approx(0.66, abs=0.02))
    assert by_type["BASS"] == ("UNCHANGED", 0, 1)
    assert by_type["VOCALS"] == ("REMOVED", None, None)
    assert by_type["MELODY"] == ("CHANGED", None, 0)
    assert by_type["OTHER"] == ("ADDED", None, None)


async def test_what_a_stem_lost_and_won_can_be_heard(graphql: Api, repository: str) -> None:
    before, after = noise(21, 1.0), noise(22, 2.0)
    base = await committed(graphql, repository, {"DRUMS": (await uploaded(graphql, before), 0.5)})
    head = await committed(
        graphql,
        repository,
        {"DRUMS": (await uploaded(graphql, after), 1.0), "BASS": (await uploaded(graphql, before), 1.0)},
    )
    job = (await graphql.run(SOUND, base=base, head=head, type="DRUMS"))["renderStemDiff"]
    assert (job["kind"], job["cached"], job["subject"]) == ("STEM_DIFF", False, {"id": head})
    await followed(graphql, job["id"])
    done = (await graphql.run(JOB, id=job["id"]))["job"]
    assert done["status"] == "COMPLETED", done
    wanted = after.copy()
    wanted[: len(before)] -= 0.5 * before
    sound = await heard(graphql, done["audio"]["url"])
    assert np.abs(sound - wanted).max() < 1e-6
    assert done["result"]["true_peak_dbtp"] >= 20 * np.log10(np.abs(wanted).max()) - 0.02
    assert -20 < done["result"]["loudness_lufs"] < -10

    again = (await graphql.run(SOUND, base=base, head=head, type="DRUMS"))["renderStemDiff"]
    assert (again["status"], again["cached"], again["result"]) == ("COMPLETED", True, done["result"])
    added = (await graphql.run(SOUND, base=base, head=head, type="BASS"))["renderStemDiff"]
    await followed(graphql, added["id"])
    done = (await graphql.run(JOB, id=added["id"]))["job"]
    assert np.abs(await heard(graphql, done["audio"]["url"]) - before).max() < 1e-6


async def test_a_difference_that_is_none_is_refused(graphql: Api, repository: str) -> None:
    commit = await committed(graphql, repository, {"DRUMS": (await uploaded(graphql, noise(23)), 1.0)})
    for type, words in (("DRUMS", "same in both"), ("BASS", "neither commit")):
        refusal = await graphql.refusal(SOUND, base=commit, head=commit, type=type)
        assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "type")
        assert words in refusal.message
    for given in ({"base": str(uuid4()), "head": commit}, {"base": commit, "head": "nonsense"}):
        refusal = await graphql.refusal(SOUND, type="DRUMS", **given)
        assert refusal.code == "NOT_FOUND"


async def in_conflict(graphql: Api, repository: str, sounds: list[Any]) -> dict[str, Any]:
    """What a merge is asked: main and ideas have changed the drums, each in its own way."""
    base, ours, theirs = [await uploaded(graphql, sound) for sound in sounds]
    await committed(graphql, repository, {"DRUMS": (base, 1.0)})
    await graphql.run(BRANCH, id=repository, name="ideas")
    await committed(graphql, repository, {"DRUMS": (ours, 1.0)}, branch="main")
    await committed(graphql, repository, {"DRUMS": (theirs, 0.5)}, branch="ideas")
    return {"repositoryId": repository, "source": "ideas", "target": "main"}


async def test_a_conflict_is_listened_to_and_mixed(graphql: Api, repository: str) -> None:
    sounds = [noise(31), noise(32, 1.0), noise(33, 1.5)]
    asked = await in_conflict(graphql, repository, sounds)
    (conflict,) = (await graphql.run(MERGE, input=asked))["mergeBranches"]["conflicts"]
    for side, sound in zip(("base", "ours", "theirs"), sounds, strict=True):
        found = await heard(graphql, conflict[side]["asset"]["url"])
        assert np.abs(found - sound).max() < 1e-6
    mixing = {**asked, "resolutions": [{"type": "DRUMS", "take": "MIX"}]}
    planned = (await graphql.run(MERGE, input={**mixing, "dryRun": True}))["mergeBranches"]
    assert planned == {"status": "MERGED", "commit": None, "conflicts": []}
    merged = (await graphql.run(MERGE, input=mixing))["mergeBranches"]
    assert merged["status"] == "MERGED"
    (stem,) = merged["commit"]["stems"]
    wanted = 0.25 * sounds[2]
    wanted[: len(sounds[1])] += 0.5 * sounds[1]
    assert stem["gain"] == 1.0
    assert np.abs(await heard(graphql, stem["asset"]["url"]) - wanted).max() < 1e-6
    assert stem["asset"]["filename"].startswith("stem")
    render = await rendered(graphql, merged["commit"]["id"])
    assert np.abs(await heard(graphql, render["url"]) - wanted).max() < 1e-6


async def test_a_deleted_repository_ends_its_jobs_cleanly(graphql: Api, repository: str) -> None:
    long = await uploaded(graphql, noise(41, 120.0))
    commit = await committed(graphql, repository, {"DRUMS": (long, 1.0)})
    (job,) = await jobs_about(graphql, commit)

    async def is_listened_to() -> bool:
        found = (await graphql.run(PROGRESS, id=job["id"]))["job"]
        assert found["status"] in ("PENDING", "PROCESSING"), found
        return bool(found["progress"] > 0)

    await eventually(is_listened_to, 60.0, "the stems are listened to")
    await graphql.run(DELETE, id=repository)
    job = await ended(graphql, commit)
    assert (await graphql.run(PROGRESS, id=job["id"]))["job"]["attempts"] == 2, "the first met the deletion"
    assert (job["status"], job["error"], job["outputs"]) == ("COMPLETED", None, []), job
    assert (job["subject"], job["result"]["is_commit_gone"]) == (None, True)
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        assert (await client.get("/health")).status_code == 200
