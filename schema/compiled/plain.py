"""The proof that a field is one attribute read and that a type is one Python class. Nothing is guessed.

A field is plain if Strawberry made its resolver for a field without one, if it has no permission and no
extension, and if the attribute that it reads is stored in the object: no property, no code that runs then.
"""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword
from types import CodeType, MemberDescriptorType
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from schema.compiled.gate import (
    INTERFACE_TYPE_BY_CLASS,
    IS_TYPE_OF_BY_CLASS,
    READS_ONE_ATTRIBUTE,
    UNION_TYPE_BY_CLASS,
)

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF


class NotPlain(Exception):
    """This selection cannot be compiled."""


def attribute(field: GraphQLField, served: type) -> str:
    """The name of the attribute of `served` that the field reads."""
    known = field.extensions.get(DEFINITION)
    if type(known) is not StrawberryField or not _reads_one_attribute(field, known):
        raise NotPlain
    name = known.python_name
    if not (name.isascii() and name.isidentifier()) or iskeyword(name):
        raise NotPlain
    if not _is_stored(served, name):
        raise NotPlain
    return name


def _reads_one_attribute(field: GraphQLField, known: StrawberryField) -> bool:
    return (
        not known.base_resolver
        and not known.permission_classes
        and not known.extensions
        and not field.args
        and known.default_resolver is getattr
        and "get_result" not in vars(known)
        and _is_made_by(field.resolve, READS_ONE_ATTRIBUTE)
        and _enclosed(field.resolve, "field") is known
    )


def served_class(schema: GraphQLSchema, type_: GraphQLObjectType) -> type:
    """The class whose instances are served as `type_`, whichever way graphql-core would find that out."""
    definition = type_.extensions.get(DEFINITION)
    if type(definition) is not StrawberryObjectDefinition or definition.concrete_of:
        raise NotPlain
    served = definition.origin
    if definition.is_type_of or (type_.is_type_of and not _is_made_by(type_.is_type_of, IS_TYPE_OF_BY_CLASS)):
        raise NotPlain
    if vars(served).get("__strawberry_definition__") is not definition:
        raise NotPlain
    if not is_inert(served) or not _has_no_getters(served):
        raise NotPlain
    if schema.get_type(type_.name) is not type_:
        raise NotPlain
    return served


def possible_types(schema: GraphQLSchema, type_: GraphQLAbstractType) -> list[GraphQLObjectType]:
    """What a value of that interface or union can be, where Strawberry tells by the value's class alone."""
    definition = type_.extensions.get(DEFINITION)
    possible = list(schema.get_possible_types(type_))
    if isinstance(type_, GraphQLInterfaceType):
        if type(definition) is not StrawberryObjectDefinition or definition.resolve_type:
            raise NotPlain
        known, parent = INTERFACE_TYPE_BY_CLASS, definition.origin
    else:
        if type(definition) is not StrawberryUnion:
            raise NotPlain
        known, parent = UNION_TYPE_BY_CLASS, object
    if not _is_made_by(type_.resolve_type, known):
        raise NotPlain
    for one in possible:
        served = served_class(schema, one)
        if not issubclass(served, parent) or one.extensions[DEFINITION].name != one.name:
            raise NotPlain
    return possible


def is_inert(served: type) -> bool:
    """Its instances mean nothing else to graphql-core: no error, nothing to wait for."""
    return not issubclass(served, BaseException) and not hasattr(served, "__await__")


def _has_no_getters(served: type) -> bool:
    """Its attributes are found as they are in any object."""
    own = served.__mro__[:-1]  # all but `object`
    return not any("__getattr__" in vars(one) or "__getattribute__" in vars(one) for one in own)


def _is_stored(served: type, name: str) -> bool:
    """A slot, or nothing on the class but a default value."""
    for one in served.__mro__:
        if name in vars(one):
            held = vars(one)[name]
            return isinstance(held, MemberDescriptorType) or not hasattr(type(held), "__get__")
    return True


def _is_made_by(function: object, codes: frozenset[CodeType]) -> bool:
    return getattr(function, "__code__", None) in codes


def _enclosed(function: Callable[..., Any] | None, name: str) -> object:
    """What a function has closed over under that name."""
    if function is None or not function.__closure__:
        return None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
    return cells[name].cell_contents if name in cells else None
