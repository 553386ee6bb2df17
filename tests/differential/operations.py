"""Random operations, valid for a schema: aliases, fragments, directives, variables, fields that merge.

A response key means the same field with the same arguments wherever it stands in one document, so whatever
merges may merge. Values for arguments are drawn by their type, or by whoever knows better (`Draw`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLCompositeType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.utilities import do_types_overlap

Draw = Callable[[random.Random, str, GraphQLInputType], Any]  # `coordinate` is such as Query.job.id
UNKNOWN = object()  # what a Draw answers with where it knows no better
# Names that would hurt where a selection becomes Python source, or an attribute of something.
ALIASES = (
    "a",
    "b",
    "number",
    "id",
    "text",
    "class",
    "None",
    "self",
    "__class__",
    "__dict__",
    "_",
    "data",
    "v0",
)
INTROSPECTION = (
    "__schema { queryType { name } }",
    '__type(name: "Query") { name kind fields(includeDeprecated: true) { name type { name } } }',
)
STRINGS = ("", "x", "1", "\u2603", 'a"b')
WRONG: tuple[Any, ...] = (None, "nonsense", "raises", 2**40, {"wrong": 1}, [[]], True, 1.5)


@dataclass(frozen=True)
class Variable:
    name: str
    type: GraphQLInputType
    coordinate: str
    default: str | None = None

    def __str__(self) -> str:
        default = "" if self.default is None else f" = {self.default}"
        return f"${self.name}: {self.type}{default}"


@dataclass(frozen=True)
class Operation:
    text: str
    name: str | None
    variables: tuple[Variable, ...]
    draw: Draw

    def values(self, rng: random.Random, wrong: float = 0.01) -> dict[str, Any]:
        """Values for its variables; now and then (`wrong`) one that must be refused."""
        found = {}
        for variable in self.variables:
            may_be_absent = variable.default is not None or not is_non_null_type(variable.type)
            if may_be_absent and rng.random() < 0.3:
                continue
            drawn = drawn_value(rng, self.draw, variable.coordinate, variable.type)
            found[variable.name] = rng.choice(WRONG) if rng.random() < wrong else drawn
        return found


def by_type(rng: random.Random, coordinate: str, type_: GraphQLInputType) -> Any:
    """The Draw that knows only types."""
    return UNKNOWN


def drawn_value(rng: random.Random, draw: Draw, coordinate: str, type_: GraphQLInputType) -> Any:
    """A value of the type as JSON has it."""
    known = draw(rng, coordinate, type_)
    if known is not UNKNOWN:
        return known
    if is_non_null_type(type_):
        return _value(rng, draw, coordinate, type_.of_type)
    return None if rng.random() < 0.15 else _value(rng, draw, coordinate, type_)


def _value(rng: random.Random, draw: Draw, coordinate: str, type_: Any) -> Any:
    if is_list_type(type_):
        return [drawn_value(rng, draw, coordinate, type_.of_type) for _ in range(rng.randrange(3))]
    if isinstance(type_, GraphQLEnumType):
        return rng.choice(list(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return {
            name: drawn_value(rng, draw, f"{type_.name}.{name}", each.type)
            for name, each in type_.fields.items()
            if is_required_input_field(each) or rng.random() < 0.3
        }
    match type_.name:
        case "Int" | "Long":
            return rng.choice((0, 1, 1, 2, 3, -1))
        case "Float":
            return rng.choice((0.0, 0.5, 1, -2.5))
        case "Boolean":
            return rng.random() < 0.5
        case "DateTime":
            return f"2026-01-01T00:00:{rng.randrange(60):02}Z"
    return rng.choice(STRINGS)


def literal(value: Any, type_: Any) -> str:
    """The value as GraphQL writes it."""
    if is_non_null_type(type_):
        return literal(value, type_.of_type)
    if isinstance(value, list):
        inner = type_.of_type if is_list_type(type_) else type_
        return f"[{', '.join(literal(item, inner) for item in value)}]"
    if isinstance(value, Mapping):
        members = (f"{name}: {literal(item, type_.fields[name].type)}" for name, item in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(type_, GraphQLEnumType) and value is not None:
        return str(value)
    return json.dumps(value)


@dataclass(frozen=True)
class _Fragment:
    name: str
    condition: GraphQLCompositeType
    text: str
    height: int


@dataclass(frozen=True)
class _Meaning:
    """What a response key stands for."""

    field: str
    type: str
    declared: str  # the arguments that the field has
    arguments: str  # those that are given


@dataclass
class Writer:
    """Writes one document. `depth` bounds how deep it selects, `fields` how much text it is."""

    schema: GraphQLSchema
    rng: random.Random
    draw: Draw = by_type
    depth: int = 5
    fields: int = 16
    without: tuple[str, ...] = ()  # names of fields that are left alone
    variables: list[Variable] = field(default_factory=list)
    fragments: list[_Fragment] = field(default_factory=list)
    meanings: dict[str, _Meaning] = field(default_factory=dict)

    def query(self) -> Operation:
        text, _ = self.selection(self._root(OperationType.QUERY), self.depth)
        if self.chance(0.05):
            text = f"{text[:-1]} {self.rng.choice(INTROSPECTION)} }}"
        return self._operation("query", text)

    def mutation(self) -> Operation:
        text, _ = self.selection(self._root(OperationType.MUTATION), self.depth)
        return self._operation("mutation", text)

    def subscription(self) -> Operation:
        root = self._root(OperationType.SUBSCRIPTION)
        name = self.rng.choice([name for name in root.fields if name not in self.without])
        text, _ = self._field_text(root, name, self.depth, may_skip=False)
        return self._operation("subscription", f"{{ {text} }}")

    def _root(self, kind: OperationType) -> GraphQLObjectType:
        root = self.schema.get_root_type(kind)
        assert root is not None
        return root

    def _operation(self, kind: str, selection: str) -> Operation:
        name = self.rng.choice((None, "Page"))
        declared = f"({', '.join(map(str, self.variables))})" if self.variables else ""
        parts = [f"{kind} {name or ''}{declared} {selection}"]
        parts += [f"fragment {each.name} on {each.condition} {each.text}" for each in self.fragments]
        if name and self.chance(0.1):
            parts.insert(self.rng.randrange(2), "query Other { __typename }")
        return Operation("\n".join(parts), name, tuple(self.variables), self.draw)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def selection(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        """Its text, and how many levels are below it."""
        parts = [self._part(parent, depth) for _ in range(self.rng.choice((1, 2, 3, 4, 5)))]
        between = self.rng.choice((" ", ", ", "\n  "))
        return f"{{ {between.join(text for text, _ in parts)} }}", max(height for _, height in parts)

    def _part(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        if depth <= 0 or self.fields <= 0:
            return self._leaf(parent)
        ways = [self._inline, self._spread, self._typename, self._field]
        weights = [2, 2, 1, 0 if isinstance(parent, GraphQLUnionType) else 10]
        return self.rng.choices(ways, weights)[0](parent, depth)

    def _typename(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        return f"__typename{self._directive()}", 0

    def _leaf(self, parent: GraphQLCompositeType) -> tuple[str, int]:
        leaves, _ = _leaves_and_others(parent, self.without)
        if not leaves:
            return self._typename(parent, 0)
        return self._field_text(parent, self.rng.choice(leaves), 0)

    def _field(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        _, below = _leaves_and_others(parent, self.without)
        leaves = 0.1 if parent is self.schema.query_type else 0.5
        if not below or self.chance(leaves):
            return self._leaf(parent)
        return self._field_text(parent, self.rng.choice(below), depth)

    def _field_text(
        self, parent: GraphQLCompositeType, name: str, depth: int, *, may_skip: bool = True
    ) -> tuple[str, int]:
        self.fields -= 1
        each = _fields(parent)[name]
        written = self._keyed(parent, name, each) + (self._directive() if may_skip else "")
        inner = get_named_type(each.type)
        if not is_composite_type(inner):
            return written, 0
        below, height = self.selection(inner, depth - 1)
        return f"{written} {below}", height + 1

    def _keyed(self, parent: GraphQLCompositeType, name: str, each: GraphQLField) -> str:
        """The field with its response key and its arguments; often one that stands elsewhere already."""
        declared = ", ".join(f"{argument}: {given.type}" for argument, given in each.args.items())
        same = [
            (key, meaning)
            for key, meaning in self.meanings.items()
            if (meaning.field, meaning.type, meaning.declared) == (name, str(each.type), declared)
        ]
        if same and self.chance(0.6):
            key, meaning = self.rng.choice(same)
        else:
            key = self.rng.choice(ALIASES) if self.chance(0.15) else name
            meaning = _Meaning(name, str(each.type), declared, self._arguments(f"{parent}.{name}", each))
            if self.meanings.get(key, meaning) != meaning:
                key = f"k{len(self.meanings)}"
            self.meanings[key] = meaning
        alias = "" if key == name else f"{key}: "
        return f"{alias}{name}{meaning.arguments}"

    def _arguments(self, coordinate: str, each: GraphQLField) -> str:
        given = [
            f"{name}: {self._given(f'{coordinate}.{name}', argument.type)}"
            for name, argument in each.args.items()
            if is_required_argument(argument) or self.chance(0.4)
        ]
        return f"({', '.join(given)})" if given else ""

    def _given(self, coordinate: str, type_: GraphQLInputType) -> str:
        value = drawn_value(self.rng, self.draw, coordinate, type_)
        if self.chance(0.6):
            return literal(value, type_)
        has_default = value is not None and self.chance(0.3)
        return self._variable(coordinate, type_, literal(value, type_) if has_default else None)

    def _variable(self, coordinate: str, type_: GraphQLInputType, default: str | None) -> str:
        known = [each for each in self.variables if each.coordinate == coordinate]
        if not known or self.chance(0.5):
            known = [Variable(f"v{len(self.variables)}", type_, coordinate, default)]
            self.variables += known
        return f"${self.rng.choice(known).name}"

    def _directive(self) -> str:
        if not self.chance(0.07):
            return ""
        both = [
            self._condition(name) for name in self.rng.choice((("skip",), ("include",), ("skip", "include")))
        ]
        return "".join(both)

    def _condition(self, name: str) -> str:
        if self.chance(0.3):
            return f" @{name}(if: {self.rng.choice(('true', 'false'))})"
        default = self.rng.choice((None, "true", "false"))
        may_be_null = default is not None and self.chance(0.3)
        type_ = GraphQLBoolean if may_be_null else GraphQLNonNull(GraphQLBoolean)
        return f" @{name}(if: {self._variable('if', type_, default)})"

    def _inline(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        if not isinstance(parent, GraphQLUnionType) and self.chance(0.2):
            text, height = self.selection(parent, depth)
            return f"...{self._directive()} {text}", height
        condition = self._condition_type(parent)
        text, height = self.selection(condition, depth)
        return f"... on {condition}{self._directive()} {text}", height

    def _spread(self, parent: GraphQLCompositeType, depth: int) -> tuple[str, int]:
        """A fragment that is there already, or a new one; none can reach itself."""
        usable = [
            each
            for each in self.fragments
            if each.height <= depth and do_types_overlap(self.schema, each.condition, parent)
        ]
        if usable and self.chance(0.5):
            fragment = self.rng.choice(usable)
        else:
            condition = self._condition_type(parent)
            text, height = self.selection(condition, depth)
            fragment = _Fragment(f"F{len(self.fragments)}", condition, text, height)
            self.fragments.append(fragment)
        return f"...{fragment.name}{self._directive()}", fragment.height

    def _condition_type(self, parent: GraphQLCompositeType) -> GraphQLCompositeType:
        if self.chance(0.5):
            return parent
        return self.rng.choice(_overlapping(self.schema, parent))


def _fields(parent: GraphQLCompositeType) -> dict[str, GraphQLField]:
    return {} if isinstance(parent, GraphQLUnionType) else parent.fields


@cache
def _leaves_and_others(parent: GraphQLCompositeType, without: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The names of its fields: those without a selection, and those with one."""
    fields = {name: each for name, each in _fields(parent).items() if name not in without}
    leaves = [name for name, each in fields.items() if is_leaf_type(get_named_type(each.type))]
    return leaves, [name for name in fields if name not in leaves]


@cache
def _overlapping(schema: GraphQLSchema, parent: GraphQLCompositeType) -> list[GraphQLCompositeType]:
    composites = [each for each in schema.type_map.values() if is_composite_type(each)]
    return [each for each in composites if do_types_overlap(schema, each, parent)]
