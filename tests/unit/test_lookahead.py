"""What is selected below a field, in whichever way a document says it, and objects that hold just that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import pytest
import strawberry
from strawberry.types import ExecutionResult

from schema.columns import Columns, NoColumn, attributes, loaded
from schema.info import Info
from schema.lookahead import SeveralTypes, Wanted, keyed


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    row: strawberry.Private[Any]
    born_in: int
    boss: Person | None

    @strawberry.field
    def greeting(self, is_loud: bool = False) -> str:
        return f"I am {self.row.name}{'!' if is_loud else ''}"


@strawberry.type
class Machine(Named):
    watts: int


Worker = Annotated[Person | Machine, strawberry.union("Worker")]


@strawberry.type
class Team:
    workers: list[Worker]


COLUMNS = attributes("name", "born_in", "boss")
ADA = SimpleNamespace(id=UUID(int=1), name="Ada", born_in=1815, boss=None)
SEEN: list[Wanted] = []


@strawberry.type
class Query:
    @strawberry.field
    def person(self, info: Info) -> Person:
        SEEN.append(Wanted.of(info))
        return SEEN[-1].maker(Person, COLUMNS)(ADA)

    @strawberry.field
    def team(self, info: Info) -> Team:
        SEEN.append(Wanted.of(info))
        return SEEN[-1].maker(Team, {"workers": lambda _: []})(None)

    @strawberry.field
    def one_worker(self, info: Info) -> Worker:
        return Wanted.of(info).maker(Person, COLUMNS)(ADA)

    @strawberry.field
    def badly_made(self, info: Info) -> Person:
        def bad(row: Any) -> Any:
            raise ValueError("unlucky")

        return Wanted.of(info).maker(Person, {**COLUMNS, "boss": bad})(ADA)

    @strawberry.field
    def without_columns(self, info: Info) -> Person:
        return Wanted.of(info).maker(Person, attributes("name"))(ADA)

    @strawberry.field
    def looked_at_elsewhere(self, info: Info) -> Person:
        return Wanted.of(info).below("boss").maker(Person, COLUMNS)(ADA)


SCHEMA = strawberry.Schema(Query)


def run(query: str, **variables: Any) -> ExecutionResult:
    return SCHEMA.execute_sync(query, variable_values=variables)


def seen(query: str, **variables: Any) -> Wanted:
    """What the only field of a query wants."""
    SEEN.clear()
    result = run(query, **variables)
    assert not result.errors, result.errors
    (found,) = SEEN
    return found


def names(wanted: Wanted) -> set[str]:
    return {name for name in ("name", "born_in", "boss", "greeting", "watts") if name in wanted}


FRAGMENTS = "fragment A on Person { name ...B } fragment B on Named { ... on Person { bornIn } }"
SELECTIONS: dict[str, set[str]] = {
    "name bornIn": {"name", "born_in"},
    "called: name again: name __typename": {"name"},
    "... { name } ... on Person { bornIn }": {"name", "born_in"},
    "... on Named { name ... on Machine { watts } ... on Person { bornIn } }": {"name", "born_in"},
    "...A ...A": {"name", "born_in"},
    "...A @skip(if: true) ... @include(if: false) { bornIn } boss { name }": {"boss"},
    "name @skip(if: true) bornIn @include(if: true)": {"born_in"},
    "name @skip(if: false) @include(if: false) bornIn @skip(if: false) @include(if: true)": {"born_in"},
    "greeting(isLoud: true)": set(),
}


@pytest.mark.parametrize("selection", SELECTIONS)
def test_every_way_to_select_is_seen(selection: str) -> None:
    query = f"{{ person {{ {selection} }} }} {FRAGMENTS if '...A' in selection else ''}"
    assert names(seen(query)) == SELECTIONS[selection]


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, {"name", "boss"}), ({"a": False}, {"name", "born_in", "boss"}), ({"b": False}, {"boss"})],
)
def test_variables_say_what_is_skipped(said: dict[str, bool], expected: set[str]) -> None:
    query = """query ($a: Boolean! = true, $b: Boolean! = true) { person {
      name @include(if: $b) bornIn @skip(if: $a) boss { name } } }"""
    assert names(seen(query, **said)) == expected


def test_a_field_at_several_places_is_wanted_with_all_that_is_below_any_of_them() -> None:
    query = "{ person { boss { name } ...More other: boss { boss { bornIn } } } }"
    boss = seen(f"{query} fragment More on Person {{ boss {{ bornIn }} }}").below("boss")
    assert names(boss) == {"name", "born_in", "boss"}
    assert names(boss.below("boss")) == {"born_in"}
    assert not boss.below("boss").below("boss")


def test_what_two_places_want_can_be_added() -> None:
    person = seen("{ person { name boss { bornIn } } }")
    assert names(person + person.below("boss")) == {"name", "boss", "born_in"}
    assert names(person.below("nothing") + person.below("boss")) == {"born_in"}


def test_of_a_union_each_member_has_its_own() -> None:
    query = "{ team { workers { ... on Machine { watts } ... on Person { bornIn } ... on Named { name } } } }"
    team = seen(query)
    assert names(team.below("workers", on="Machine")) == {"watts", "name"}
    assert names(team.below("workers", on="Person")) == {"born_in", "name"}


def test_of_a_union_it_must_be_said_which_member() -> None:
    with pytest.raises(SeveralTypes, match="Worker may be of several types"):
        seen("{ team { workers { ... on Machine { watts } } } }").below("workers")
    result = run("{ oneWorker { ... on Person { name } } }")
    assert result.errors
    assert isinstance(result.errors[0].original_error, SeveralTypes)


def test_fragments_that_multiply_are_walked_once() -> None:
    doubling = " ".join(
        f"fragment F{n} on Person {{ ...F{n + 1} ... on Person {{ ...F{n + 1} }} }}" for n in range(40)
    )
    query = f"{{ person {{ ...F0 }} }} {doubling} fragment F40 on Person {{ name }}"
    assert names(seen(query)) == {"name"}


def test_an_object_holds_what_is_selected_and_its_row_where_a_method_needs_it() -> None:
    result = run("{ person { name again: bornIn greeting(isLoud: true) } }")
    assert result.data == {"person": {"name": "Ada", "again": 1815, "greeting": "I am Ada!"}}
    person = seen("{ person { bornIn } }").maker(Person, COLUMNS)(ADA)
    assert vars(person) == {"born_in": 1815}


def test_a_selected_field_that_no_column_makes_is_an_error() -> None:
    result = run("{ withoutColumns { name bornIn } }")
    assert result.errors
    assert isinstance(result.errors[0].original_error, NoColumn)
    assert result.errors[0].message == "Person.born_in is selected, and no column makes it"
    assert run("{ withoutColumns { name } }").data == {"withoutColumns": {"name": "Ada"}}


def test_a_column_that_raises_takes_away_its_own_field_alone() -> None:
    result = run("{ badlyMade { name boss { name } } }")
    assert result.data == {"badlyMade": {"name": "Ada", "boss": None}}
    (error,) = result.errors or []
    assert (error.path, str(error.original_error)) == (["badlyMade", "boss"], "unlucky")


@pytest.mark.parametrize("field", ["name", "boss { name }", "boss { __typename }"])
def test_a_field_that_was_not_loaded_is_an_error_even_where_null_is_allowed(field: str) -> None:
    result = run(f"{{ looked: lookedAtElsewhere {{ {field} }} }}")
    assert result.errors
    assert isinstance(result.errors[0].original_error, AttributeError)
    assert result.errors[0].path == ["looked", field.split()[0]]


async def test_rows_under_several_keys_become_one_object() -> None:
    wanted = seen("{ person { name } }")
    made: list[Any] = []

    async def by_id(rows: Any, wanted: Wanted) -> dict[UUID, Person]:
        made.extend(rows)
        make = wanted.maker(Person, COLUMNS)
        return {row.id: make(row) for row in rows}

    found = await keyed(by_id, {UUID(int=7): ADA, UUID(int=8): ADA}, wanted)
    assert list(found) == [UUID(int=7), UUID(int=8)]
    assert found[UUID(int=7)] is found[UUID(int=8)]
    assert made == [ADA]


async def test_what_cannot_be_loaded_is_why_in_each_row() -> None:
    async def away() -> Columns:
        raise ConnectionError("away")

    columns = await loaded(away(), "boss", "name")
    failures = [columns[name](ADA) for name in ("boss", "boss", "name")]
    assert [str(failure.original_error) for failure in failures] == ["away"] * 3
    assert failures[0] is not failures[1]


async def test_a_column_that_is_missing_is_not_what_cannot_be_loaded() -> None:
    async def forgotten() -> Columns:
        raise NoColumn("forgotten")

    with pytest.raises(NoColumn):
        await loaded(forgotten(), "boss")
