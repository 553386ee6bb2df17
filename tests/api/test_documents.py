"""Kept documents: found by their text alone, from wherever it comes, and never another one's answer."""

from __future__ import annotations

import tracemalloc
from sys import getsizeof

import graphql as graphql_core
import pytest
from graphql import parse

from schema.build import schema
from schema.documents import SEVERAL, TOO_INTRICATE, weight_of
from tests.support.graphql_http import Api
from tests.support.graphql_ws import socket

PAIR = (
    "query Pair($a: Boolean!, $b: Boolean!) { viewer { authMode @include(if: $a) __typename @skip(if: $b) } }"
)


async def test_a_document_that_differs_by_white_space_is_one_of_its_own(graphql: Api) -> None:
    documents = schema().documents
    text = "query Spaces { viewer { mode: authMode } }"
    spaced = "query Spaces {\n  viewer {\n    mode: authMode\n  }\n}\n"
    for query in (text, spaced, text, spaced):
        assert await graphql.run(query) == {"viewer": {"mode": "OPEN"}}
    first, second = documents.find(text), documents.find(spaced)
    assert first is not None
    assert second is not None
    assert first is not second


async def test_an_error_in_a_kept_document_is_at_its_own_place(graphql: Api) -> None:
    for _ in range(2):
        for query, line in (
            ("{ jobs(first: 0) { totalCount } }", 1),
            ("{\n\njobs(first: 0) { totalCount } }", 3),
        ):
            failure = await graphql.refusal(query)
            assert failure.errors[0]["locations"][0]["line"] == line


async def test_variables_in_another_order_are_the_same_variables(graphql: Api) -> None:
    answers = [
        await graphql.run(PAIR, **variables) for variables in ({"a": True, "b": True}, {"b": True, "a": True})
    ]
    assert answers == [{"viewer": {"authMode": "OPEN"}}] * 2
    assert await graphql.run(PAIR, b=False, a=False) == {"viewer": {"__typename": "Viewer"}}


async def test_a_document_that_came_by_http_is_known_on_a_socket_and_back(
    graphql: Api, base_url: str
) -> None:
    documents = schema().documents
    by_http, by_socket = (
        "query HttpFirst { viewer { authMode } }",
        "query SocketFirst { viewer { authMode } }",
    )
    data = {"viewer": {"authMode": "OPEN"}}
    async with socket(base_url) as client:
        for query in (by_http, by_socket):
            hits = documents.hits
            if query == by_http:
                assert await graphql.run(query) == data
            assert [update async for update in client.updates(query)] == [data]
            if query == by_socket:
                assert await graphql.run(query) == data
            assert documents.hits > hits


async def test_of_several_operations_one_has_to_be_named(graphql: Api) -> None:
    for name in ("Known", "Unknown"):  # a document that is kept, and one that is not
        several = f"query {name} {{ viewer {{ authMode }} }} query Other {{ __typename }}"
        if name == "Known":
            answer = await graphql.post({"query": several, "operationName": "Other"})
            assert answer.json() == {"data": {"__typename": "Query"}}
        failure = await graphql.refusal(several)
        assert (failure.code, failure.message) == ("BAD_USER_INPUT", SEVERAL)
        async with socket(graphql.base_url) as client:
            await client.subscribe(several)
            frame = await client.receive()
            assert (frame["type"], frame["payload"][0]["message"]) == ("error", SEVERAL)


async def test_it_is_said_as_graphql_core_says_it() -> None:
    document = parse("query A { __typename } query B { __typename }")
    (error,) = graphql_core.execute_sync(schema().core, document).errors or []
    assert error.message == SEVERAL


@pytest.mark.parametrize(
    "text",
    [
        "{ jobs { nodes { " + "id status " * 300 + "} } }",
        "{ " + "viewer{...{...{authMode}}} " * 200 + "}",
        "{ viewer { authMode } }" + "#\n" * 2_000,
        '{ asset(id: "' + "\N{SNOWFLAKE}" * 20_000 + '") { id } }',
        "{ viewer { authMode } }",
    ],
    ids=["fields", "fragments", "comments", "a string", "little"],
)
def test_a_document_weighs_no_less_than_it_takes(text: str) -> None:
    own = text.encode().decode()
    tracemalloc.start()
    try:
        tree = parse(own)
        taken = getsizeof(own) + tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < weight_of(own, tree) < 5 * taken


async def test_a_document_that_takes_too_long_to_validate_is_told_what_to_do(graphql: Api) -> None:
    failure = await graphql.refusal("{" + "__typename " * 1_400 + "}")
    assert (failure.code, failure.message) == ("BAD_USER_INPUT", TOO_INTRICATE)
