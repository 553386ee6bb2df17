"""The walk through one selection, as Python text: one function for each list, object, interface and union.

    def object_3(value):
        if type(value) is not class_2: raise Surprise('JobStage')
        a0 = value.name
        if type(a0) is not str: raise Surprise('JobStage.name')
        ...
        return {'name': a0, ...}

The text holds checked attribute names, constants by their `repr`, and names of its own; nothing else of a
document or of a value gets into it. Closures need no text, but take 1.7 times as long for a page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    TypeNameMetaFieldDef,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails, FieldDetailsList
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from schema.compiled import leaves
from schema.compiled.conditions import CONDITIONS
from schema.compiled.plain import NotPlain, attribute, possible_types, served_class

MAX_FIELDS = 2_000  # of one walk: fragments within fragments multiply, though the list may be empty
Walk: TypeAlias = Callable[[Any], Any]
Collect: TypeAlias = Callable[[GraphQLObjectType, FieldDetailsList], CollectedFields]


class Surprise(Exception):
    """The value at this place is none that the walk knows; graphql-core has to complete it."""


class Source:
    """One walk; `fields` says how many are selected in it, as far as it is written."""

    def __init__(self, schema: GraphQLSchema, collect: Collect, *, moments_stay: bool = False) -> None:
        self._schema, self._collect, self._moments_stay = schema, collect, moments_stay
        self._names: dict[str, Any] = {"Surprise": Surprise, "CAST": TYPE_CAST_ATTRIBUTE}
        self._functions: list[str] = []
        self.fields = 0

    def value(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Walk:
        """Completes a value of that list, object, interface or union type."""
        if any(one.name.value not in CONDITIONS for field in details for one in field.node.directives or ()):
            raise NotPlain
        return self._compiled(self._function(type_, details, str(type_)))

    def field(self, parent: GraphQLObjectType, details: FieldDetailsList) -> Walk:
        """Reads and completes one field of an object of that type, where others of it are not plain."""
        self.fields += 1
        served = served_class(self._schema, parent)
        read = self._read(parent, served, details, "done")
        expected = self._named("class", served)
        lines = [f"if type(value) is not {expected}: {_raise(parent.name)}", *read, "return done"]
        return self._compiled(self._define("field", *lines))

    @property
    def text(self) -> str:
        return "\n\n".join(self._functions)

    def _compiled(self, name: str) -> Walk:
        code = compile(self.text, "<compiled selection>", "exec")
        exec(code, self._names)  # noqa: S102  (what is in it is said above)
        return cast("Walk", self._names[name])

    def _function(self, type_: GraphQLOutputType, details: FieldDetailsList, place: str) -> str:
        """Writes the function for a type that is no leaf; gives its name."""
        if isinstance(type_, GraphQLList):
            return self._list(type_.of_type, details, place)
        if isinstance(type_, GraphQLObjectType):
            return self._object(type_, details)
        if is_abstract_type(type_):
            return self._abstract(type_, details)
        raise NotPlain

    def _list(self, item: GraphQLOutputType, details: FieldDetailsList, place: str) -> str:
        completed = self._completed(item, details, "item", place)
        return self._define(
            "list",
            f"if type(value) is not list and type(value) is not tuple: {_raise(place)}",
            "done = []",
            "append = done.append",
            "for item in value:",
            *_indented(completed),
            "    append(item)",
            "return done",
        )

    def _object(self, type_: GraphQLObjectType, details: FieldDetailsList) -> str:
        served = served_class(self._schema, type_)
        expected = self._named("class", served)
        lines = [f"if type(value) is not {expected}: {_raise(type_.name)}"]
        if type_.is_type_of:
            lines.append(_no_cast(type_.name))
        entries = []
        for number, (key, fields) in enumerate(self._selected(type_, details)):
            lines += self._read(type_, served, fields, f"a{number}")
            entries.append(f"{key!r}: a{number}")
        return self._define("object", *lines, f"return {{{', '.join(entries)}}}")

    def _read(self, type_: GraphQLObjectType, served: type, details: FieldDetailsList, x: str) -> list[str]:
        """Lines that read one field of `value` into the variable `x` and complete it."""
        if not all(_is_bare(one) for one in details):
            raise NotPlain
        name = details[0].node.name.value
        field = self._schema.get_field(type_, name)
        if field is TypeNameMetaFieldDef:
            return [f"{x} = {type_.name!r}"]
        if field is None:
            raise NotPlain
        read = f"{x} = value.{attribute(field, served)}"
        return [read, *self._completed(field.type, details, x, f"{type_.name}.{name}")]

    def _abstract(self, type_: GraphQLAbstractType, details: FieldDetailsList) -> str:
        walks = {}
        for one in possible_types(self._schema, type_):
            walks[self._named("class", served_class(self._schema, one))] = self._object(one, details)
        chosen = self._named("walks", object())
        self._functions.append(f"{chosen} = {{{', '.join(f'{key}: {walk}' for key, walk in walks.items())}}}")
        return self._define(
            "abstract",
            f"walk = {chosen}.get(type(value))",
            f"if walk is None: {_raise(type_.name)}",
            _no_cast(type_.name),
            "return walk(value)",
        )

    def _completed(
        self, type_: GraphQLOutputType, details: FieldDetailsList, x: str, place: str
    ) -> list[str]:
        """Lines that complete the variable `x`, of whatever type."""
        if not isinstance(type_, GraphQLNonNull):
            return [f"if {x} is not None:", *_indented(self._present(type_, details, x, place))]
        return self._present(type_.of_type, details, x, place)

    def _present(self, type_: GraphQLOutputType, details: FieldDetailsList, x: str, place: str) -> list[str]:
        if is_leaf_type(type_):
            stay = self._moments_stay
            return leaves.lines(type_, x, _raise(place), self._named, moments_stay=stay)
        return [f"{x} = {self._function(type_, details, place)}({x})"]

    def _selected(
        self, type_: GraphQLObjectType, details: FieldDetailsList
    ) -> list[tuple[str, FieldDetailsList]]:
        """By response name, in graphql-core's order: it collects them, with all fragments and conditions."""
        collected = self._collect(type_, details)
        selected = list(collected.grouped_field_set.items())
        self.fields += len(selected)
        if collected.new_defer_usages or self.fields > MAX_FIELDS:
            raise NotPlain
        return selected

    def _named(self, kind: str, value: object) -> str:
        for name, known in self._names.items():
            if known is value and name.startswith(kind):
                return name
        name = f"{kind}_{len(self._names)}"
        self._names[name] = value
        return name

    def _define(self, kind: str, *lines: str) -> str:
        name = self._named(kind, object())
        self._functions.append("\n".join((f"def {name}(value):", *_indented(lines))))
        return name


def _is_bare(field: FieldDetails) -> bool:
    """Without arguments, and with no directive but those that graphql-core has obeyed when it collected."""
    if field.defer_usage or field.fragment_variable_values or field.node.arguments:
        return False
    return all(one.name.value in CONDITIONS for one in field.node.directives or ())


def _raise(place: str) -> str:
    return f"raise Surprise({place!r})"


def _no_cast(place: str) -> str:
    """An object may be marked, at any time, to be served as another type (`strawberry.cast`)."""
    return f"if getattr(value, CAST, None) is not None: {_raise(place)}"


def _indented(lines: Any) -> list[str]:
    return [f"    {line}" for line in lines]
