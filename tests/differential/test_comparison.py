"""The comparison notices what it is there for: each small defect in an answer is a difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLError, parse
from strawberry.types import ExecutionResult

from tests.differential.comparison import Answer, differences

TREE: Any = parse("{ a { b c } }")
FIELD = TREE.definitions[0].selection_set.selections[0]


def result() -> ExecutionResult:
    error = GraphQLError(
        "no", FIELD, path=["a", 0, "b"], original_error=ValueError("no"), extensions={"x": 1}
    )
    other = GraphQLError("nor this", FIELD, path=["a", 1, "b"])
    data: Any = {"a": [{"b": 1, "c": None}, {"b": None, "c": 2.0}], "d": {"e": True}}
    return ExecutionResult(data=data, errors=[error, other], extensions={"took": 1})


CALLS = ["Query.a", "Query.a", "A.b"]


def answered(change: Callable[[Any], object] = lambda result: None, calls: list[str] = CALLS) -> Answer:
    changed = result()
    change(changed)
    return Answer.of(changed, calls)


def swap_keys(result: Any) -> None:
    result.data = dict(reversed(result.data.items()))


def swap_inner_keys(result: Any) -> None:
    result.data["a"][0] = {"c": None, "b": 1}


def wrong_alias(result: Any) -> None:
    result.data["a"][0] = {"bb": 1, "c": None}


def stray_null(result: Any) -> None:
    result.data["a"][1] = None


def swap_items(result: Any) -> None:
    result.data["a"].reverse()


def other_number(result: Any) -> None:
    result.data["a"][1]["c"] = 2


def number_for_truth(result: Any) -> None:
    result.data["d"]["e"] = 1


def tuple_for_list(result: Any) -> None:
    result.data["a"] = tuple(result.data["a"])


def no_data(result: Any) -> None:
    result.data = None


def drop_error(result: Any) -> None:
    result.errors.pop()


def double_error(result: Any) -> None:
    result.errors.append(result.errors[0])


def swap_errors(result: Any) -> None:
    result.errors.reverse()


def other_message(result: Any) -> None:
    result.errors[0].message = "yes"


def other_path(result: Any) -> None:
    result.errors[0].path = ["a", 1, "b"]


def index_as_text(result: Any) -> None:
    result.errors[0].path = ["a", "0", "b"]


def other_place(result: Any) -> None:
    inner = FIELD.selection_set.selections[0]
    result.errors[0] = GraphQLError("no", inner, path=["a", 0, "b"], extensions={"x": 1})


def no_extensions(result: Any) -> None:
    result.errors[0].extensions = {}


def other_cause(result: Any) -> None:
    result.errors[0].original_error = TypeError("no")


def other_result_extensions(result: Any) -> None:
    result.extensions = {"took": 2}


DEFECTS = [
    swap_keys,
    swap_inner_keys,
    wrong_alias,
    stray_null,
    swap_items,
    other_number,
    number_for_truth,
    tuple_for_list,
    no_data,
    drop_error,
    double_error,
    swap_errors,
    other_message,
    other_path,
    index_as_text,
    other_place,
    no_extensions,
    other_cause,
    other_result_extensions,
]


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_a_difference(defect: Callable[[Any], object]) -> None:
    assert len(differences(answered(), answered(defect))) == 1


@pytest.mark.parametrize("calls", [CALLS[:-1], [*CALLS, "A.b"], CALLS[::-1]])
def test_a_resolver_called_otherwise_is_a_difference(calls: list[str]) -> None:
    assert differences(answered(), answered(calls=calls))


def test_the_same_is_equal_though_made_anew() -> None:
    assert differences(answered(), answered()) == []
    assert differences(Answer.of(ExecutionResult({"x": float("nan")}, None), []), _nan()) == []


def _nan() -> Answer:
    return Answer.of(ExecutionResult({"x": float("nan")}, None), [])
