"""No list asks the database once for each of its rows: 1, 10 and 50 rows cost the same statements."""

from __future__ import annotations

import pytest

from domain.accounts import Viewer
from tests.support.graphql_http import Api
from tests.support.queries import counted
from tests.support.rows import a_job, a_system, an_asset, an_output

JOBS = """{ jobs(first: 100) { totalCount edges { cursor } nodes { id status stages { name }
  outputs { role asset { id url thumbnailUrl } } video { id } audio { id } retryOf retriedBy
  subject { ... on ParticleSystem { id name audio { id } } } } } }"""
ASSETS = "{ assets(first: 100) { totalCount nodes { id filename url thumbnailUrl size } } }"
SYSTEMS = """{ particleSystems(first: 100) { totalCount nodes { id config { width } frameUrl audio { id url }
  jobs(first: 2) { totalCount nodes { id outputs { asset { id } } } } } } }"""


async def fill(viewer: Viewer, count: int) -> None:
    """Systems with a song and two jobs each; the first job has two outputs and was retried by the second."""
    for number in range(count):
        song = await an_asset(viewer)
        system = await a_system(viewer, number, audio_id=song.id)
        subject = {"subject_type": "ParticleSystem", "subject_id": str(system.id)}
        first = await a_job(viewer, 2 * number, **subject)
        await a_job(viewer, 2 * number + 1, retry_of=first.id, **subject)
        await an_output(first, viewer)
        await an_output(first, viewer, "preview")


async def statements(graphql: Api, query: str) -> list[str]:
    with counted() as queries:
        await graphql.run(query)
    return queries.statements


@pytest.mark.parametrize(("query", "most"), [(JOBS, 8), (ASSETS, 2), (SYSTEMS, 8)])
async def test_the_number_of_statements_does_not_depend_on_the_rows(
    query: str, most: int, graphql: Api, viewer: Viewer
) -> None:
    counts = {}
    rows = 0
    for wanted in (1, 10, 50):
        await fill(viewer, wanted - rows)
        rows = wanted
        counts[wanted] = len(await statements(graphql, query))
    assert len(set(counts.values())) == 1, counts
    assert 0 < counts[50] <= most, counts


async def test_the_same_row_twice_is_loaded_once(graphql: Api, viewer: Viewer) -> None:
    song = await an_asset(viewer)
    await a_system(viewer, 1, audio_id=song.id)
    await a_system(viewer, 2, audio_id=song.id)
    asked = await statements(graphql, "{ particleSystems { nodes { audio { id } again: audio { id } } } }")
    assert sum('FROM "assets"' in statement for statement in asked) == 1
