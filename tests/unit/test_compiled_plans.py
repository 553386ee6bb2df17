"""A plan is for one selection of one parsed operation, lives no longer, and there are only so many."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import strawberry
from graphql import DocumentNode, parse

from schema.compiled import plans
from schema.compiled.conditions import conditions
from schema.compiled.plans import Operations, Plans
from schema.limits import fragments_of
from tests.unit.compiled_sides import Context, Sides


@strawberry.type
class Node:
    name: str = "n"
    size: int = 1
    nodes: list[Node] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    node: Node = strawberry.field(resolver=lambda: Node(nodes=[Node(name="a"), Node(name="b", size=2)]))


@pytest.fixture
def sides() -> Sides:
    return Sides(Query)


def operations(sides: Sides) -> Operations:
    known = vars(sides.compiled)["selections"].operations
    assert isinstance(known, Operations)
    return known


def of(known: Operations, tree: DocumentNode, **variables: Any) -> Plans:
    node: Any = tree.definitions[0]
    return known.plans(node, fragments_of(tree), variables)


CONDITIONAL = """query ($skip: Boolean!, $more: Boolean = false) {
    node { name @skip(if: $skip) ...More @include(if: $more) nodes { name size @include(if: $more) } } }
    fragment More on Node { size nodes { name @skip(if: $skip) } }"""


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("more", [True, False, None])
async def test_variables_of_conditions(sides: Sides, skip: bool, more: bool | None) -> None:
    variables = {"skip": skip} if more is None else {"skip": skip, "more": more}
    run = await sides.both(CONDITIONAL, variables=variables)
    assert run.result.errors is None
    assert run.context.count("compiled") == 1


async def test_one_plan_for_each_of_their_values() -> None:
    known = Operations()
    tree = parse(CONDITIONAL)
    assert conditions(tree.definitions[0], fragments_of(tree).values()) == ("skip", "more")  # type: ignore[arg-type]
    assert of(known, tree, skip=True, more=False) is of(known, tree, skip=True, more=False, other=1)
    assert of(known, tree, skip=True, more=False) is not of(known, tree, skip=False, more=False)


async def test_fragments_with_one_name_in_two_documents(sides: Sides) -> None:
    shared = "{ node { ...F } } fragment F on Node "
    for selected in ("{ name }", "{ size }", "{ nodes { name } }", "{ a: name }"):
        await sides.both(shared + selected)


async def test_one_node_for_several_types(sides: Sides) -> None:
    """A type that holds itself: the field's own walk and that of its values are different things."""
    run = await sides.both("{ node { nodes { nodes { name } name } } }")
    assert run.result.errors is None


async def test_a_plan_is_used_again(sides: Sides) -> None:
    known = Operations()
    tree = parse("{ node { name } }")
    first = of(known, tree)
    assert of(known, tree) is first
    assert of(known, parse("{ node { name } }")) is not first


async def test_plans_go_with_their_document(sides: Sides) -> None:
    text = "{ node { name nodes { size } } }"
    await sides.both(text)
    known = operations(sides)
    gc.collect()
    assert len(known) == 0  # nobody kept what was parsed
    tree: DocumentNode | None = parse(text)
    assert tree is not None
    gone = weakref.ref(of(known, tree))
    assert len(known) == 1
    tree = None
    gc.collect()
    assert len(known) == 0
    assert gone() is None


async def test_many_documents(sides: Sides) -> None:
    known = Operations(most=10)
    trees = [parse(f"{{ node {{ a{number}: name }} }}") for number in range(100)]
    for tree in trees:
        of(known, tree)
    assert len(known) == 10
    assert of(known, trees[-1]) is of(known, trees[-1])


async def test_identities_that_are_given_again(sides: Sides) -> None:
    """Documents that nobody keeps: the next is often parsed into the same memory."""
    for number in range(300):
        alias = f"a{number % 7}"
        context = Context()
        result = await sides.compiled.execute(f"{{ node {{ {alias}: name }} }}", context_value=context)
        assert result.data == {"node": {alias: "n"}}
        assert context.count("compiled") == 1


async def test_large_selections_make_room(sides: Sides) -> None:
    known = Operations(most_fields=100)
    trees = [parse("{ node { name } }") for _ in range(5)]
    for tree in trees:
        of(known, tree).weight = 40
    assert known.weight <= 120
    assert len(known) == 3


def test_few_variants_of_one_operation() -> None:
    names = [f"v{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    tree = parse(
        f"query ({declared}) {{ node {{ {' '.join(f'name @skip(if: ${name})' for name in names)} }} }}"
    )
    known = Operations()
    for number in range(64):
        of(known, tree, **{name: bool(number & 1 << place) for place, name in enumerate(names)})
    operation = next(iter(known._kept.values()))
    assert len(operation.variants) <= plans.MAX_VARIANTS


async def test_a_selection_without_end(sides: Sides) -> None:
    """Fragments that double at each step make a walk of a million fields for a list that may be empty."""
    steps = [
        f"fragment F{n} on Node {{ a{n}: nodes {{ ...F{n + 1} }} b{n}: nodes {{ ...F{n + 1} }} }}"
        for n in range(20)
    ]
    text = "{ node { ...F0 } } " + " ".join(steps) + " fragment F20 on Node { name }"
    run = await sides.both(text)
    assert run.result.errors is None
