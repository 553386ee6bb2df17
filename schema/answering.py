"""A query or a mutation from its text to the response, for requests that get one response.

Strawberry's `Schema.execute` builds the surroundings of an extension for each request. A schema that has no
other extension than ours (`is_direct`) does without: the same `schema.asked`, the same executor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType as StrawberryType

from resolvers.context import Context
from schema.asked import Asked

if TYPE_CHECKING:
    from schema.starling import StarlingSchema


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a client sends. The context is of this request alone; the `kinds` of operations that may come this
    way are out of query, mutation and subscription."""

    text: str | None
    name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None
    context: Context
    kinds: Collection[str]


class NoOperation(Exception):
    """The request has none, or one of a `kind` that may not come this way."""

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


async def respond(schema: StarlingSchema, request: GraphQLRequest) -> dict[str, Any]:
    """`data`, and `errors` if there are any; no `data` where nothing was executed. Raises NoOperation.

    It is for `orjson.dumps`, which writes the moments in it as every other way does.
    """
    if not request.text:
        raise NoOperation("The request has no `query`")
    way = _directly if schema.is_direct else _by_extensions
    result = await way(schema, request, request.text)
    if not result.errors:
        return {"data": result.data}
    errors = [error.formatted for error in result.errors]
    if result.data is None and not any(error.path for error in result.errors):
        return {"errors": errors}
    return {"data": result.data, "errors": errors}


async def _directly(schema: StarlingSchema, request: GraphQLRequest, text: str) -> ExecutionResult:
    asked = Asked(schema, text, request.variables, request.context)
    try:
        result = await _result(schema, request, asked)
        return ExecutionResult(result.data, asked.presented(result.errors))
    finally:
        asked.ends()


async def _result(schema: StarlingSchema, request: GraphQLRequest, asked: Asked) -> ExecutionResult:
    try:
        operation = _operation(request, asked)
        errors = asked.refusals(request.name)
        return ExecutionResult(None, errors) if errors else await _executed(schema, request, asked, operation)
    except NoOperation:
        raise
    except GraphQLError as error:
        return ExecutionResult(None, [error])
    except Exception as error:
        return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])


def _operation(request: GraphQLRequest, asked: Asked) -> OperationDefinitionNode:
    operation = asked.operation(request.name)
    if operation is None:
        raise _unknown(request.name)
    if operation.operation.value not in request.kinds:
        raise _wrong(operation.operation.value)
    return operation


async def _executed(
    schema: StarlingSchema, request: GraphQLRequest, asked: Asked, operation: OperationDefinitionNode
) -> ExecutionResult:
    executor = schema.execution_context_class.build(
        schema.core,
        asked.parsed(),
        context_value=asked.context,
        raw_variable_values=request.variables,
        operation_name=_name(operation),
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        operation_extensions=request.extensions,
        moments_stay=True,
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    result = executor.execute_operation()
    return result if isinstance(result, ExecutionResult) else await cast(Awaitable[ExecutionResult], result)


async def _by_extensions(schema: StarlingSchema, request: GraphQLRequest, text: str) -> ExecutionResult:
    try:
        result = await schema.execute(
            text,
            request.variables,
            request.context,
            operation_name=request.name,
            allowed_operation_types=[StrawberryType(kind) for kind in request.kinds],
            operation_extensions=request.extensions,
        )
    except CannotGetOperationTypeError as error:
        raise _unknown(error.operation_name) from error
    except InvalidOperationTypeError as error:
        raise _wrong(error.operation_type.value) from error
    return ExecutionResult(result.data, result.errors)


def _name(operation: OperationDefinitionNode) -> str | None:
    return None if operation.name is None else operation.name.value


def _unknown(name: str | None) -> NoOperation:
    if name is None:
        return NoOperation("Can't get GraphQL operation type")
    return NoOperation(f'Unknown operation named "{name}".')


def _wrong(kind: str) -> NoOperation:
    return NoOperation(f"{kind}s are not allowed here", kind)
