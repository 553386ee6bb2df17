"""How an error looks to a client: a sentence, `extensions.code`, and the field and the job if there are any.

Refusals of the domain and of GraphQL itself keep their words. Everything else is a fault of ours: it is
logged whole, with the request's id, and shown as "Internal error" and nothing more.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    Node,
    ObjectFieldNode,
)
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from domain.errors import StarlingError
from domain.outages import refusal_of
from schema.names import camel

BAD_USER_INPUT = "BAD_USER_INPUT"
INTERNAL = "INTERNAL"
_LOG = logging.getLogger("starling.graphql")
_NO_OPERATION = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
_VARIABLE = re.compile(r"Variable '\$(\w+)' has invalid (?:default )?value(?: at ([^:]+))?:")
_NAMED = re.compile(r"(?:unknown|required) field '(\w+)'")


def presented(error: GraphQLError, document: DocumentNode | None, request_id: str) -> GraphQLError:
    """The same error as the client may see it, at the same place of its document and path."""
    cause = _cause(error)
    if isinstance(cause, StarlingError):
        return _placed(error, *_refusal(cause))
    if cause is not None and (outage := refusal_of(cause)) is not None:
        _LOG.warning("an operation was refused (request %s): %s", request_id, type(cause).__name__)
        return _placed(error, *_refusal(outage))
    if cause is not None and not isinstance(cause, _NO_OPERATION):
        _LOG.error("an operation failed (request %s)", request_id, exc_info=cause)
        return _placed(error, "Internal error", {"code": INTERNAL})
    extensions = {"code": BAD_USER_INPUT, **(error.extensions or {})}
    field = None if isinstance(error, GraphQLSyntaxError) else field_to_blame(error, document)
    if field is None:
        return _placed(error, error.message, extensions)
    named = error.message if field in error.message else f"{field}: {error.message}"
    return _placed(error, named, {**extensions, "field": field})


def _cause(error: GraphQLError) -> BaseException | None:
    """What was raised first, None where that is an error of GraphQL's own."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _refusal(error: StarlingError) -> tuple[str, dict[str, Any]]:
    """Fields are spelled as the schema does, in the sentence too."""
    extensions: dict[str, Any] = {"code": error.code}
    message = error.message
    if error.field is not None:
        shown = camel(error.field)
        extensions["field"] = shown
        message = re.sub(rf"(?<!\w){re.escape(error.field)}(?!\w)", lambda _: shown, message)
    if error.job_id is not None:
        extensions["jobId"] = error.job_id
    return message, extensions


def _placed(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    # a lone surrogate from a client's JSON cannot be encoded, so it must not come back in a message
    clean = message.encode(errors="replace").decode()
    return GraphQLError(clean, error.nodes, error.source, error.positions, error.path, None, extensions)


def field_to_blame(error: GraphQLError, document: DocumentNode | None) -> str | None:
    """The input field, argument or variable that an error of GraphQL's own is about, if it is about one."""
    if named := _NAMED.search(error.message):
        return named[1]
    if variable := _VARIABLE.match(error.message):
        words = re.findall(r"\.(\w+)", variable[2] or "")
        return words[-1] if words else variable[1]
    if document is None or not error.nodes:
        return None
    return _input_around(document, error.nodes[0])


def _input_around(document: DocumentNode, wanted: Node) -> str | None:
    """The innermost argument or input field that the wanted node lies in; by position, so it costs little."""
    if wanted.loc is None:
        return None
    found: str | None = None
    stack: list[Node] = [document]
    while stack:
        node = stack.pop()
        inside = (
            node.loc is not None and node.loc.start <= wanted.loc.start and wanted.loc.end <= node.loc.end
        )
        if not inside:
            continue
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            found = node.name.value
        if node is not wanted:
            stack.extend(_children(node))
    return found


def _children(node: Node) -> list[Node]:
    below: list[Node] = []
    for key in node.keys:
        value = getattr(node, key, None)
        if isinstance(value, Node):
            below.append(value)
        elif isinstance(value, list | tuple):
            below.extend(item for item in value if isinstance(item, Node))
    return below
