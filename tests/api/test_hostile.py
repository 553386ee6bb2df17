"""Documents that are made to hurt: each is refused by the limit that it is beyond, before it costs much."""

from __future__ import annotations

import time

import pytest
from graphql import build_client_schema, get_introspection_query, parse

from domain.accounts import Viewer
from schema.build import schema
from schema.cost import MAX_COST
from schema.documents import Documents, checked, weight_of
from schema.limits import MAX_ALIASES, MAX_DEPTH, MAX_DIRECTIVES, MAX_FIELDS, MAX_TOKENS
from tests.support.graphql_http import Api
from tests.support.rows import a_job

CPU_SECONDS = 0.1


def deep(levels: int) -> str:
    inner = "id"
    for level in range(levels):
        inner = (
            f"jobs {{ nodes {{ {inner} }} }}"
            if level % 2
            else f"subject {{ ... on ParticleSystem {{ {inner} }} }}"
        )
    return f"{{ jobs(first: 1) {{ nodes {{ {inner} }} }} }}"


def spread(levels: int) -> str:
    """Each fragment spreads the next one twice."""
    fragments = "".join(
        f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} viewer {{ authMode }} }} " for n in range(levels)
    )
    return f"{{ ...f0 }} {fragments} fragment f{levels} on Query {{ viewer {{ authMode }} }}"


HOSTILE = {
    "deep": (deep(40), f"at most {MAX_DEPTH}"),
    "aliases": (
        "{ " + " ".join(f"a{n}: viewer {{ authMode }}" for n in range(MAX_ALIASES + 1)) + " }",
        f"at most {MAX_ALIASES}",
    ),
    "the same field": ("{ " + "viewer { authMode } " * (MAX_FIELDS // 2 + 1) + "}", f"at most {MAX_FIELDS}"),
    "directives": (
        "{ viewer { authMode " + "@skip(if: false) " * (MAX_DIRECTIVES + 1) + "} }",
        f"at most {MAX_DIRECTIVES}",
    ),
    "a fragment in itself": ("{ ...f } fragment f on Query { ...f }", "itself"),
    "two fragments in each other": (
        "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
        "itself via 'g'",
    ),
    "a bomb of fragments": (spread(30), "more than a million"),
    "tokens": ("{ viewer { authMode } } " + "# \n" * 10 + "{ a } " * MAX_TOKENS, "tokens"),
    "a deep list": ("{ jobs(filter: " + "[" * 1500 + "]" * 1500 + ") { totalCount } }", "nest"),
    "a deep selection": ("{ a" * 1900 + "}" * 1900, ""),
    "operations of one name": ("query a { viewer { authMode } } " * 2, "only one operation named 'a'"),
    "many operations": (
        "".join(f"query q{n} {{ viewer {{ authMode }} }} " for n in range(30)),
        "30 operations",
    ),
    "introspection in circles": (
        "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }",
        "introspection",
    ),
    "unicode": ("{ viewer { authMode\u2603 } }", "Syntax Error"),
    "a broken escape": ('{ job(id: "\\uD800") { id } }', "Syntax Error"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused_at_once(name: str, graphql: Api) -> None:
    """The best of three, each a text that nobody has seen before: a busy core counts as work too."""
    document, said = HOSTILE[name]
    spent = float("inf")
    for number in range(3):
        began = time.process_time()
        refusal = await graphql.refusal(f"{document} # {number}")
        spent = min(spent, time.process_time() - began)
    print(f"{name}: {spent * 1000:.0f} ms of CPU, client and server together")
    assert refusal.code == "BAD_USER_INPUT"
    assert said.lower() in refusal.message.lower()
    assert spent < 3 * CPU_SECONDS


async def test_a_string_of_a_megabyte_is_too_large(graphql: Api) -> None:
    response = await graphql.post({"query": '{ job(id: "%s") { id } }' % ("x" * 1024**2)})
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"
    assert "1,048,576" in response.json()["errors"][0]["message"]


async def test_a_string_of_half_a_megabyte_is_an_unknown_id(graphql: Api) -> None:
    assert await graphql.run("query ($id: ID!) { job(id: $id) { id } }", id="x" * 500_000) == {"job": None}


NESTED = """query ($first: Int = 1) { particleSystems(first: 100) { nodes { jobs(first: $first) { nodes {
  id subject { ... on ParticleSystem { jobs(first: 20) { nodes { id status } } } } } } } } }"""


async def test_nested_pages_cost_their_product(graphql: Api) -> None:
    refusal = await graphql.refusal(NESTED, first=50)
    assert refusal.code == "COST_EXCEEDED"
    assert str(MAX_COST) in refusal.message
    assert refusal.errors[0]["extensions"]["cost"] > MAX_COST
    assert await graphql.run(NESTED) == {"particleSystems": {"nodes": []}}
    assert await graphql.run(NESTED, first=2) == {"particleSystems": {"nodes": []}}
    assert (await graphql.refusal(NESTED, first=50)).code == "COST_EXCEEDED"


async def test_a_whole_page_of_whole_jobs_is_allowed(graphql: Api, viewer: Viewer) -> None:
    await a_job(viewer)
    asset = "{ id kind filename contentType size sha256 url duration width height thumbnailUrl createdAt }"
    data = await graphql.run(
        "{ jobs(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor } nodes {"
        " id kind status priority progress message attempts maxAttempts params result costUsd etaSeconds"
        " stages { name status progress message startedAt completedAt error { code message } }"
        f" outputs {{ role asset {asset} }} video {asset} audio {asset} error {{ code message }}"
        " subject { ... on ParticleSystem { id name particleType } } retryOf retriedBy cancelRequested"
        " cached createdAt startedAt updatedAt completedAt } } }"
    )
    assert data["jobs"]["totalCount"] == 1


async def test_graphiql_may_introspect(graphql: Api) -> None:
    data = await graphql.run(get_introspection_query(input_value_deprecation=True, specified_by_url=True))
    assert "Job" in build_client_schema(data).type_map


async def test_documents_are_kept_by_their_text_with_every_limit_on(graphql: Api) -> None:
    documents = schema().documents
    text = "query Kept($first: Int) { jobs(first: $first) { totalCount } }"
    await graphql.run(text, first=1)
    hits = documents.hits
    for first in (2, 3):
        await graphql.run(text, first=first)
    assert documents.hits == hits + 2
    invalid = "query Invalid { nothing }"
    assert (await graphql.refusal(invalid)).code == "BAD_USER_INPUT"
    assert documents.find(invalid) is None


def test_the_kept_documents_are_bounded() -> None:
    tree = parse("{ viewer { authMode } }")
    document = checked(schema().core, tree)
    assert not isinstance(document, list)
    text = "{{ viewer {{ authMode }} }} # {:074}".format
    documents = Documents(most_bytes=10 * weight_of(text(0), tree))
    for number in range(100):
        documents.keep(text(number), document)
    assert len(documents) == 10
    long = text(0) + "x"
    documents.keep(long, document)
    assert documents.find(long) is None
