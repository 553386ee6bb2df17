"""Uploads through GraphQL: the multipart request specification over forms that `app.uploads` received.

A form of another site can send multipart without asking first; it cannot add a header. So one of
`PREFLIGHT_HEADERS` is required (CVE-2024-47082; as Apollo Server does).
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request

from app.graphql_refusals import Refused
from app.multipart import ReceivedFile, ReceivedForm
from resolvers.uploads import Upload

PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight", "x-requested-with")
MAX_FILES = 10
_SHOWN = 60


def require_preflight(request: Request) -> None:
    if not any(request.headers.get(name, "").strip() for name in PREFLIGHT_HEADERS):
        raise Refused(
            400,
            "A multipart request needs a GraphQL-Require-Preflight header (or Apollo-Require-Preflight, "
            "or X-Requested-With) that is not empty",
        )


def operation_of(form: ReceivedForm) -> Any:
    """What `operations` holds, with the files where `map` says. Raises Refused."""
    operations = _json(form, "operations")
    places = _json(form, "map")
    if not isinstance(places, dict) or not all(_is_list_of_text(value) for value in places.values()):
        raise Refused(400, "The form field `map` must be an object of lists of paths")
    for name, paths in places.items():
        if name not in form.files:
            raise Refused(400, f"The file {name[:_SHOWN]!r} of the map is missing in the form")
        for path in paths:
            _put(operations, path, _upload(form.files[name]))
    return operations


def _upload(file: ReceivedFile) -> Upload:
    return Upload(file.path, file.filename, file.content_type, file.size, file.sha256)


def _json(form: ReceivedForm, name: str) -> Any:
    try:
        return orjson.loads(form.fields.get(name, ""))
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The form needs a field `{name}` that is JSON") from error


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _put(operations: Any, path: str, upload: Upload) -> None:
    """Sets the null at the dotted path below `variables`; anything else there is refused."""
    keys = path.split(".")
    target = operations
    try:
        if keys[0] != "variables" or len(keys) < 2:
            raise KeyError(keys[0])
        for key in keys[:-1]:
            target = target[int(key)] if isinstance(target, list) else target[key]
        last: Any = int(keys[-1]) if isinstance(target, list) else keys[-1]
        if target[last] is not None:
            raise KeyError(last)
        target[last] = upload
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Refused(400, f"The map names {path[:_SHOWN]!r}, where no null waits for a file") from error
