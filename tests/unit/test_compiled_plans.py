"""A plan is for one selection of one parsed operation, lives no longer, and there are only so many."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest
import strawberry
from graphql import DocumentNode, GraphQLSchema, parse
from graphql.execution.collect_fields import FieldDetails

from schema.compiled import plans
from schema.compiled.conditions import conditions
from schema.compiled.plans import MANY, Operations, Plans
from schema.execution import Execution
from schema.limits import fragments_of
from tests.unit.compiled_sides import Context, Sides


@strawberry.type
class Node:
    name: str = "n"
    size: int = 1
    nodes: list[Node] = strawberry.field(default_factory=list)

    @strawberry.field
    def of(self, n: int) -> int:
        return n


@strawberry.type
class Query:
    node: Node = strawberry.field(resolver=lambda: Node(nodes=[Node(name="a"), Node(name="b", size=2)]))
    many: list[Node] = strawberry.field(resolver=lambda: [Node()] * MANY)
    few: list[Node] = strawberry.field(resolver=lambda: [Node()] * (MANY - 1))


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
        result = await sides.compiled.execute(f"{{ many {{ {alias}: name }} }}", context_value=context)
        assert result.data == {"many": [{alias: "n"}] * MANY}
        assert context.count("compiled") == 1


async def test_what_grows_makes_room_wherever_it_is_kept() -> None:
    """Plans that were kept long before grow by another variant: it is then that others go."""
    core, known = Sides(Query).compiled.core, Operations(most_fields=100)
    trees = [wide(20) for _ in range(4)]
    for tree in trees:
        grown(core, known, tree, more=True)
    assert (known.weight, len(known)) == (4 * 22, 4)
    for tree in trees:
        grown(core, known, tree, more=False)
        assert known.weight == weighed(known) <= 100
    assert of(known, trees[0], more=True).weight == 0
    assert of(known, trees[-1], more=False).weight == 21


async def test_an_operation_that_alone_is_too_much() -> None:
    known = Operations(most_fields=20)
    plans = grown(Sides(Query).compiled.core, known, wide(30), more=True)
    assert (known.weight, len(known)) == (0, 0)
    assert plans.weight == 32  # it is still walked by who has it


async def test_what_goes_weighs_nothing(sides: Sides) -> None:
    core, known = sides.compiled.core, Operations()
    tree: DocumentNode | None = wide(5)
    plans = grown(core, known, tree, more=True)
    assert known.weight == 7
    tree = None
    gc.collect()
    assert (len(known), known.weight) == (0, 0)
    grown(core, known, wide(3), more=True, plans=plans)
    assert known.weight == 0  # nor does what it grows after that


async def test_a_variant_that_is_cleared_weighs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MAX_PLANS", 2)
    known, tree = Operations(), wide(1)
    several = of(known, tree, more=True)
    for kept in (wide(5), wide(6), wide(7)):
        grown(Sides(Query).compiled.core, known, kept, more=True, plans=several)
    assert several.weight == known.weight == 9


async def test_what_is_not_plain_weighs_one() -> None:
    known = Operations()
    plans = grown(Sides(Query).compiled.core, known, parse("{ node { of(n: 1) name } }"))
    assert plans.weight == known.weight == 1


def wide(fields: int) -> DocumentNode:
    names = " ".join(f"a{number}: name" for number in range(fields))
    return parse(f"query ($more: Boolean!) {{ node {{ {names} size @include(if: $more) }} }}")


def grown(
    core: GraphQLSchema,
    known: Operations,
    tree: DocumentNode | None,
    plans: Plans | None = None,
    **given: bool,
) -> Plans:
    """The plans of an operation after its one object was compiled."""
    assert tree is not None
    plans = plans or of(known, tree, **given)
    node: Any = tree.definitions[0]
    (field,) = node.selection_set.selections
    details: Any = [FieldDetails(field, None, None)]
    executor: Any = Execution.build(core, tree, raw_variable_values=given, operation_extensions=None)
    plans.value(core, executor.collect_subfields, core.type_map["Node"], details)  # type: ignore[arg-type]
    return plans


def weighed(known: Operations) -> int:
    return sum(plans.weight for one in known._kept.values() for plans in one.variants.values())


FOUR = ("v0", "v1", "v2", "v3")


def switches(names: Iterable[str]) -> DocumentNode:
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    return parse(f"query ({declared}) {{ node {{ {' '.join(f'name @skip(if: ${n})' for n in names)} }} }}")


def settings(names: Sequence[str]) -> list[dict[str, bool]]:
    return [dict(zip(names, values, strict=True)) for values in product((True, False), repeat=len(names))]


def test_four_switches_are_no_many_variants() -> None:
    known, tree = Operations(), switches(FOUR)
    first = [of(known, tree, **given) for given in settings(FOUR)]
    again = [of(known, tree, **given) for given in settings(FOUR)]
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_the_variants_that_nobody_asks_for_go() -> None:
    names = (*FOUR, "v4", "v5")
    known, tree = Operations(), switches(names)
    first, *others = settings(names)
    asked = of(known, tree, **first)
    for given in others:
        of(known, tree, **given)
        assert of(known, tree, **first) is asked
    (operation,) = known._kept.values()
    assert len(operation.variants) == plans.MAX_VARIANTS


async def test_an_operation_is_compiled_when_it_comes_again(sides: Sides) -> None:
    text = "{ node { name nodes { size } } few { name } }"
    tree, counts = parse(text), []
    for _ in range(3):
        context = Context(document=tree)
        await sides.compiled.execute(text, context_value=context)
        counts.append((context.count("new"), context.count("compiled")))
    assert counts == [(1, 0), (0, 2), (0, 2)]


async def test_another_variant_is_new(sides: Sides) -> None:
    context = Context(document=parse(CONDITIONAL))
    for skip in (True, False, True, False):
        await sides.compiled.execute(CONDITIONAL, {"skip": skip}, context)
    assert (context.count("new"), context.count("compiled")) == (2, 2)


async def test_a_long_list_is_compiled_at_once(sides: Sides) -> None:
    """And what comes after it: the operation is worth it."""
    context = Context()
    await sides.compiled.execute("{ few { name } many { name } node { name } }", context_value=context)
    assert (context.count("new"), context.count("compiled")) == (1, 2)


async def test_many_objects_with_fields_of_both_kinds(sides: Sides) -> None:
    """The list itself is not plain, what is in its objects is: compiled at once too."""
    context = Context()
    await sides.compiled.execute("{ many { of(n: 1) nodes { size } } }", context_value=context)
    assert context.count("compiled") == MANY


async def test_a_selection_without_end(sides: Sides) -> None:
    """Fragments that double at each step make a walk of a million fields for a list that may be empty."""
    steps = [
        f"fragment F{n} on Node {{ a{n}: nodes {{ ...F{n + 1} }} b{n}: nodes {{ ...F{n + 1} }} }}"
        for n in range(20)
    ]
    text = "{ node { ...F0 } } " + " ".join(steps) + " fragment F20 on Node { name }"
    run = await sides.both(text)
    assert run.result.errors is None
