"""Looking ahead: what an operation selects below a field, so that all of it is loaded at once.

Pages are pure: where rows are handed out, what they refer to is loaded for all of them together, as far as it
is selected, and each object holds exactly the fields that are selected of it, as plain attributes. So a page
costs the same number of statements whatever its rows, and no resolver runs for any of them. Every noun does
it alike:

    _COLUMNS = {**attributes("title", "details"), "id": lambda row: str(row.id)}

    @strawberry.type
    class Scene:
        row: strawberry.Private[Row]
        id: strawberry.ID
        title: str
        details: str | None
        studio: Studio | None

        @classmethod
        async def of(cls, row: Row, wanted: Wanted) -> Self:
            return (await cls.by_id([row], wanted))[row.id]

        @classmethod
        async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
            studio = await loaded(_studios(rows, wanted), "studio")
            make = wanted.maker(cls, {**_COLUMNS, **studio})
            return {row.id: make(row) for row in rows}

    async def _studios(rows: Collection[Row], wanted: Wanted) -> Columns:
        if "studio" not in wanted:
            return {}
        found = await scenes.studios(wanted.context, rows)  # rows of studios by the scene's id
        studios = await keyed(Studio.by_id, found, wanted.below("studio"))
        return {"studio": lambda row: studios.get(row.id)}

Whoever hands them out says `await Scene.of(row, Wanted.of(info))`; pages are `schema.pagination.connected`. A
field that takes arguments stays a method: for it `row` is there, and the loaders are (`resolvers.loaders`).

Nothing is forgotten in silence: a selected field that no column makes is NoColumn as soon as the maker is
asked for, and a field that was not selected is not there at all, so that reading it is an AttributeError.
How columns are made, and what becomes of those that fail, is `schema.columns`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from resolvers.context import Context
from schema.columns import Columns, NoColumn, held
from schema.info import Info

Row = TypeVar("Row", bound=Any)
Node = TypeVar("Node")
Key = TypeVar("Key", bound=Hashable)
_CONDITIONS = {"include": True, "skip": False}  # what the condition must be for the field to be there
_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


class SeveralTypes(TypeError):
    """What is selected of objects that may be of several types: it is another thing for each of them."""


class Wanted:
    """What is selected of one object, by attribute (`retried_by`), whichever fragments and aliases it is in.

    It is true if anything is. `context` is the operation's.
    """

    def __init__(
        self, info: GraphQLResolveInfo, kind: GraphQLNamedType | None, nodes: list[FieldNode]
    ) -> None:
        self.context: Context = info.context
        self._info, self._kind, self._nodes = info, kind, nodes
        self._variables: Mapping[str, Any] = info.variable_values  # type: ignore[assignment]
        self._below: dict[str, tuple[GraphQLNamedType, list[FieldNode]]] = {}
        self._has_methods = False
        if is_abstract_type(kind):
            raise SeveralTypes(f"{kind} may be of several types: say which one with `on`")
        self._taken: set[str] = set()  # fragments: once is enough, and they multiply
        for node in nodes:
            self._take(node.selection_set)

    @classmethod
    def of(cls, info: Info) -> Wanted:
        """What is selected of that which the field of `info` hands out."""
        raw = info._raw_info
        return cls(raw, get_named_type(raw.return_type), raw.field_nodes)

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def __contains__(self, name: str) -> bool:
        return name in self._below

    def __add__(self, other: Wanted) -> Wanted:
        """What either wants, of objects of the same type."""
        return Wanted(self._info, self._kind or other._kind, self._nodes + other._nodes)

    def below(self, name: str, on: str | None = None) -> Wanted:
        """What is selected of the objects in a field; `on` names their type, where it can be several.

        Raises SeveralTypes without it there.
        """
        if name not in self._below:
            return Wanted(self._info, None, [])
        kind, nodes = self._below[name]
        return Wanted(self._info, kind if on is None else self._info.schema.get_type(on), nodes)

    def maker(self, cls: type[Node], columns: Columns) -> Callable[[Any], Node]:
        """What makes an object of a row, with what is selected and nothing else. Raises NoColumn."""
        for name in self._below:
            if name not in columns:
                raise NoColumn(f"{cls.__name__}.{name} is selected, and no column makes it")
        chosen = [(name, columns[name]) for name in self._below]
        if self._has_methods:
            chosen.append(("row", _itself))

        def make(row: Any) -> Node:
            node = cls.__new__(cls)
            for name, column in chosen:
                setattr(node, name, held(column, row))
            return node

        return make

    def _take(self, selected: SelectionSetNode | None) -> None:
        for node in selected.selections if selected else ():
            if node.directives and not _is_included(node.directives, self._variables):
                continue
            if isinstance(node, FieldNode):
                self._take_field(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._is_for(node.type_condition.name.value):
                    self._take(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                self._take_fragment(node.name.value)

    def _take_field(self, node: FieldNode) -> None:
        field = getattr(self._kind, "fields", {}).get(node.name.value)
        if field is None:  # __typename
            return
        known: StrawberryField = field.extensions[_DEFINITION]
        if known.base_resolver:
            self._has_methods = True
        elif known.python_name in self._below:
            self._below[known.python_name][1].append(node)
        else:
            self._below[known.python_name] = get_named_type(field.type), [node]

    def _take_fragment(self, name: str) -> None:
        fragment = self._info.fragments[name]
        if name not in self._taken and self._is_for(fragment.type_condition.name.value):
            self._taken.add(name)
            self._take(fragment.selection_set)

    def _is_for(self, condition: str) -> bool:
        """Whether a fragment on that type is for objects of this one."""
        if self._kind is None or condition == self._kind.name:
            return True
        general = self._info.schema.get_type(condition)
        return is_abstract_type(general) and self._info.schema.is_sub_type(general, self._kind)


def _is_included(directives: Sequence[DirectiveNode], variables: Mapping[str, Any]) -> bool:
    """What @skip and @include say. A variable of theirs that is missing is refused elsewhere."""
    for directive in directives:
        name = directive.name.value
        if name in _CONDITIONS and directive.arguments:
            said: Any = directive.arguments[0].value
            holds = variables.get(said.name.value) if isinstance(said, VariableNode) else said.value
            if bool(holds) is not _CONDITIONS[name]:
                return False
    return True


async def keyed(
    by_id: Callable[[Collection[Row], Wanted], Awaitable[dict[UUID, Node]]],
    rows: Mapping[Key, Row],
    wanted: Wanted,
) -> dict[Key, Node]:
    """The objects of rows, under the keys of the rows."""
    distinct = {row.id: row for row in rows.values()}
    nodes = await by_id(distinct.values(), wanted)
    return {key: nodes[row.id] for key, row in rows.items()}


def _itself(row: Any) -> Any:
    return row
