"""No page asks the database once for each of its rows, and none asks for what nobody selected.

Whatever can be selected below a page is selected here, found by walking the schema: a connection that comes
later fails the first test until it has its rows here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from db.particles import ParticleSystem
from db.repositories import Repository
from domain import repositories
from domain.accounts import Viewer
from domain.ports import Services
from schema import cost
from schema.build import schema
from tests.support.graphql_http import Api
from tests.support.music import a_commit, a_repository, a_whole_repository, some_sounds
from tests.support.queries import counted
from tests.support.rows import a_job, a_system, an_analysis, an_asset, an_output
from tests.support.selections import EDGES, NODES, connections, everything

SCHEMA = schema().core
SIZES = (1, 10, 100)
MOST = 25  # statements for everything that can be selected, several levels deep


async def a_system_with_jobs(viewer: Viewer, number: int, services: Services) -> None:
    """A song that was analysed, and two jobs: the first has two outputs and was retried by the second."""
    song = await an_asset(viewer)
    await an_analysis(song)
    await two_jobs(viewer, number, await a_system(viewer, number, audio_id=song.id))


async def two_jobs(viewer: Viewer, number: int, system: ParticleSystem) -> None:
    subject = {"subject_type": "ParticleSystem", "subject_id": str(system.id)}
    first = await a_job(viewer, 2 * number, **subject)
    await a_job(viewer, 2 * number + 1, retry_of=first.id, **subject)
    await an_analysis(await an_output(first, viewer))
    await an_output(first, viewer, "preview")


async def a_job_of_the_first_system(viewer: Viewer, number: int, services: Services) -> None:
    system = await ParticleSystem.first() or await a_system(viewer)
    await two_jobs(viewer, number, system)


async def a_fork_of_a_fork(viewer: Viewer, number: int, services: Services) -> None:
    whole = await Repository.get_or_none(name="whole") or await a_whole_repository(viewer, services)
    fork = await repositories.fork(viewer, whole.id, f"fork {number}")
    await repositories.fork(viewer, fork.id, f"fork of {number}")


async def a_commit_of_one_repository(viewer: Viewer, number: int, services: Services) -> None:
    found = await Repository.first()
    repository = found or await a_repository(viewer)
    for _ in range(3 if found is None else 1):  # the first rows come from others, as the later ones do
        drums, bass = await some_sounds(viewer, 2)
        stems = {"DRUMS": drums, "BASS": bass}
        await a_commit(viewer, repository, services, stems, render_id=drums.id)


async def an_asset_alone(viewer: Viewer, number: int, services: Services) -> None:
    await an_analysis(await an_asset(viewer))


Fill = Callable[[Viewer, int, Services], Awaitable[None]]
# by the field that gives the page: what makes a row of it and all around it, the page's type, and how to ask
PAGES: dict[str, tuple[Fill, str, str]] = {
    "Query.jobs": (a_system_with_jobs, "JobConnection", "jobs(first: 100) %s"),
    "Query.assets": (an_asset_alone, "AssetConnection", "assets(first: 100) %s"),
    "Query.particleSystems": (
        a_system_with_jobs,
        "ParticleSystemConnection",
        "particleSystems(first: 100) %s",
    ),
    "Query.repositories": (a_fork_of_a_fork, "RepositoryConnection", "repositories(first: 100) %s"),
    "Repository.commits": (
        a_commit_of_one_repository,
        "CommitConnection",
        "repositories(first: 1) { nodes { commits(first: 100) %s } }",
    ),
    "ParticleSystem.jobs": (
        a_job_of_the_first_system,
        "JobConnection",
        "particleSystems(first: 1) { nodes { jobs(first: 100) %s } }",
    ),
}
# what is asked for beside the ids of a page of jobs, and the tables that it takes, the jobs' own apart
PARTS: dict[str, list[str]] = {
    "kind status stages { name startedAt } params result error { code } retryOf": [],
    "outputs { role asset { id url thumbnailUrl } } video { id } audio { id } main: video { url }": [
        "job_outputs"
    ],
    "retriedBy": ["jobs"],
    "subject { __typename }": ["particle_systems"],
    "subject { ... on ParticleSystem { id config { width } } }": ["particle_systems"],
    "subject { ... on ParticleSystem { audio { url } } }": ["particle_systems", "assets"],
    "subject { ... on Commit { message render { url } stems { type } } }": ["particle_systems"],
    "video { analysis { bpm key } } outputs { asset { analysis { beats } } }": [
        "job_outputs",
        "audio_analyses",
    ],
    "outputs @skip(if: true) { role } retriedBy @include(if: false)": [],
    "... @include(if: false) { outputs { role } }": [],
    "... on Job { ...More } ...More": ["job_outputs"],
}


async def statements(graphql: Api, query: str) -> list[str]:
    with counted() as queries:
        await graphql.run(query)
    return queries.statements


def test_every_connection_is_counted_here() -> None:
    assert connections(SCHEMA) == set(PAGES)


@pytest.mark.parametrize("field", PAGES)
async def test_the_number_of_statements_does_not_depend_on_the_rows(
    field: str, graphql: Api, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "MAX_COST", 10**9)  # everything of a hundred rows is more than one may ask for
    fill, page, query = PAGES[field]
    counts: dict[str, list[int]] = {NODES: [], EDGES: []}
    rows = 0
    for size in SIZES:
        for number in range(rows, size):
            await fill(viewer, number, services)
        rows = size
        for place, found in counts.items():
            asked = f"{{ {query % everything(SCHEMA, page, place)} }}"
            found.append(len(await statements(graphql, asked)))
    assert counts == {NODES: [counts[NODES][0]] * 3, EDGES: [counts[NODES][0]] * 3}
    assert 0 < counts[NODES][0] <= MOST, counts


@pytest.mark.parametrize("selected", PARTS)
async def test_nothing_is_fetched_that_is_not_selected(
    selected: str, graphql: Api, viewer: Viewer, services: Services
) -> None:
    for number in range(2):
        await a_system_with_jobs(viewer, number, services)
    more = " fragment More on Job { outputs { role } }" if "...More" in selected else ""
    asked = await statements(graphql, f"{{ jobs {{ nodes {{ id {selected} }} }} }}{more}")
    assert [_table(statement) for statement in asked] == ["jobs", *PARTS[selected]]


@pytest.mark.parametrize("name", ["jobs", "assets", "particleSystems", "repositories"])
async def test_a_total_is_counted_only_where_it_is_selected(
    name: str, graphql: Api, viewer: Viewer, services: Services
) -> None:
    await a_system_with_jobs(viewer, 0, services)
    page = "nodes { id } edges { cursor } pageInfo { hasNextPage endCursor }"
    assert len(await statements(graphql, f"{{ {name} {{ {page} }} }}")) == 1
    assert len(await statements(graphql, f"{{ {name} {{ totalCount {page} }} }}")) == 2


async def test_jobs_about_commits_cost_the_same_however_many(
    graphql: Api, viewer: Viewer, services: Services
) -> None:
    query = """{ jobs { nodes { kind subject { __typename ... on Commit {
      message author { username } render { url } stems { asset { url } changedIn { id } } } } } } }"""
    counts = []
    for number in range(3):
        await a_commit_of_one_repository(viewer, number, services)
        counts.append(len(await statements(graphql, query)))
    assert counts[1:] == counts[:1] * 2
    found = (await graphql.run(query))["jobs"]["nodes"]
    assert [job["subject"]["__typename"] for job in found] == ["Commit"] * 5


async def test_the_same_row_twice_is_loaded_once(graphql: Api, viewer: Viewer) -> None:
    song = await an_asset(viewer)
    await a_system(viewer, 1, audio_id=song.id)
    await a_system(viewer, 2, audio_id=song.id)
    asked = await statements(graphql, "{ particleSystems { nodes { audio { id } again: audio { id } } } }")
    assert sum('FROM "assets"' in statement for statement in asked) == 1


def _table(statement: str) -> str:
    return statement.replace('"', "").split("FROM ", 1)[1].split()[0]
