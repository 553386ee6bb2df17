"""Short media work for the domain: asked of a sandboxed child, refused in the domain's own words."""

from __future__ import annotations

from typing import Any

from domain.errors import InvalidInput, StarlingError, StorageFull, TooLarge, UnsupportedMedia
from domain.ports import Services
from render import errors as render_errors

ASK_SECONDS = 10.0


async def ask(
    services: Services, function: str, *args: Any, field: str | None = None, timeout: float = ASK_SECONDS
) -> Any:
    """What `module:function` of `render` answers from a child process.

    `field` is the argument that named the media. Raises UnsupportedMedia, TooLarge, InvalidInput (damaged
    media), StorageFull, TimedOut, and MediaCrashed where the child died of it.
    """
    try:
        return await services.media.run(function, *args, timeout=timeout)
    except render_errors.RenderError as error:
        raise translated(error, field) from error


def translated(error: render_errors.RenderError, field: str | None) -> StarlingError:
    if isinstance(error, render_errors.UnsupportedMedia):
        return UnsupportedMedia(error.sentence, field=field)
    if isinstance(error, render_errors.MediaTooLarge):
        return TooLarge(error.sentence, field=field)
    if isinstance(error, render_errors.StorageFull):
        return StorageFull(error.sentence)
    return InvalidInput(field or "file", error.sentence)
