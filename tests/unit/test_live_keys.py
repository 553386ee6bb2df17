"""What makes two subscriptions identical: every variable by its value, but for where a reader begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest
from graphql import parse

from domain.accounts import Role, Viewer
from domain.ports import Services
from resolvers.context import Context
from schema.build import schema
from schema.live.keys import Key, Request, Shape, shape_of

VIEWER = Viewer(UUID(int=1), "one", next(iter(Role)), datetime(2026, 1, 1, tzinfo=UTC))
NO_SERVICES = cast(Services, None)  # a key asks for none
CURSORS = {
    "at after": ("{ jobUpdates(id: $id, after: $after) { cursor } }", {"after"}),
    "under another name": ("{ jobUpdates(id: $id, after: $x) { cursor } }", {"x"}),
    "of a field with an alias": ("{ after: jobUpdates(id: $id, after: $x) { cursor } }", {"x"}),
    "of a field in a fragment": (
        "{ ...F } fragment F on Subscription { ... { allJobUpdates(after: $x) { cursor } } }",
        {"x"},
    ),
    "at after twice": ("{ a: jobUpdates(after: $x) { cursor } b: jobUpdates(after: $x) { cursor } }", {"x"}),
    "and elsewhere": ("{ jobUpdates(id: $x, after: $x) { cursor } }", set()),
    "and at a directive": ("{ jobUpdates(after: $x) { cursor @include(if: $x) } }", set()),
    "and in a fragment": (
        "{ jobUpdates(after: $x) { ...F } } fragment F on JobUpdate { job { a(b: $x) } }",
        set(),
    ),
    "below after": ("{ jobUpdates(after: [$x]) { cursor } }", set()),
    "in what is called after": ("{ allJobUpdates(filter: {after: $x}) { cursor } }", set()),
    "at after of what begins nowhere": ("{ jobUpdates(id: $id) { job { pages(after: $x) { a } } } }", set()),
    "none at all": ('{ jobUpdates(id: $id, after: "c") { cursor } }', set()),
    "of a field that has none": ("{ particleSystemUpdates(id: $id) { name } }", set()),
}


@pytest.mark.parametrize("use", CURSORS)
def test_a_variable_that_is_nothing_but_the_after_of_a_subscription_does_not_count(use: str) -> None:
    text, cursors = CURSORS[use]
    assert shape_of(parse(f"subscription {text}"), None, schema().core).cursors == cursors


def test_the_shape_is_that_of_the_operation_that_is_named() -> None:
    tree = parse("query Q { viewer { id } } subscription S { jobUpdates(id: 1) { cursor } }")
    assert shape_of(tree, None, schema().core) == shape_of(tree, "Q", schema().core) == Shape(False, "Q")
    assert shape_of(tree, "S", schema().core) == Shape(True, "S", is_in_parts=True)


def test_all_subscriptions_of_ours_are_watched_in_parts_however_they_are_selected() -> None:
    for name in schema().core.subscription_type.fields:  # type: ignore[union-attr]
        for text in (
            f"{{ {name} }}",
            f"{{ alias: {name} }}",
            f"{{ ...F }} fragment F on Subscription {{ ... {{ {name} }} }}",
        ):
            assert shape_of(parse(f"subscription {text}"), None, schema().core).is_in_parts, text
    assert not shape_of(parse("subscription { jobUpdates nothing }"), None, schema().core).is_in_parts


def key(variables: dict[str, Any] | None, cursors: set[str] | None = None, **other: Any) -> Key:
    asked = Request("text", None, variables, Context(VIEWER, NO_SERVICES))
    return Key.of(replace(asked, **other), cursors or set())


def test_the_order_of_names_does_not_count_at_any_depth() -> None:
    assert key({"a": 1, "b": {"c": 2, "d": [{"e": 3, "f": 4}]}}) == key(
        {"b": {"d": [{"f": 4, "e": 3}], "c": 2}, "a": 1}
    )
    assert key(None) == key({})


@pytest.mark.parametrize(
    "values",
    [
        (1, True, 1.0, "1", [1], {"1": 1}),
        (0, False, 0.0, None, "", [], {}),
        ([1, 2], [2, 1]),
        ({"b": {"c": 1}}, {"b": {"c": True}}, {"b": {"c": 1, "d": None}}),
        ("é", "e\u0301"),
    ],
)
def test_values_that_differ_make_others(values: tuple[Any, ...]) -> None:
    assert len({key({"a": value}) for value in values} | {key({})}) == len(values) + 1


def test_cursors_do_not_count_at_the_top_alone() -> None:
    assert key({"id": "j", "after": "one"}, {"after"}) == key({"id": "j"}, {"after"})
    assert key({"id": "j", "after": "one"}) != key({"id": "j", "after": "two"})
    assert key({"f": {"after": "one"}}, {"after"}) != key({"f": {"after": "two"}}, {"after"})


def test_text_operation_and_viewer_count() -> None:
    others = [
        key({}),
        key({}, text="text "),
        key({}, operation_name="A"),
        key({}, context=Context(replace(VIEWER, id=UUID(int=2)), NO_SERVICES)),
        *(key({}, context=Context(replace(VIEWER, role=role), NO_SERVICES)) for role in [*Role][1:]),
    ]
    assert len(set(others)) == len(others)
    assert key({}, context=Context(replace(VIEWER), NO_SERVICES)) == key({})


def test_variables_too_deep_to_compare_are_like_nobody_elses() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    one, other = (Request("text", None, {"a": deep}, Context(VIEWER, NO_SERVICES)) for _ in range(2))
    assert Key.of(one, ()) == Key.of(one, ()) != Key.of(other, ())


def test_a_key_is_small_however_large_the_variables() -> None:
    one, other = key({"a": "x" * 250_000}), key({"a": "x" * 249_999 + "y"})
    assert one != other
    assert len(one.variables) == len(other.variables) == 32


def test_only_variables_that_the_operation_declares_are_kept() -> None:
    tree = parse("subscription S($id: ID!, $after: String) { jobUpdates(id: $id, after: $after) { cursor } }")
    declared = shape_of(tree, None, schema().core).declared
    assert declared == {"id", "after"}
    context = Context(VIEWER, NO_SERVICES)
    asked = Request("text", None, {"id": "j", "other": "x" * 250_000}, context)
    assert asked.with_only(declared).variables == {"id": "j"}
    for lean in (None, {}, {"id": "j"}, {"after": None, "id": "j"}):
        same = Request("text", None, lean, context)
        assert same.with_only(declared) is same
