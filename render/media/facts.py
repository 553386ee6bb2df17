"""What a probe answers. Light: a process that never decodes anything reads it from the child that did."""

from __future__ import annotations

from dataclasses import dataclass

from render.media.magic import MediaKind


@dataclass(frozen=True)
class Probe:
    """`duration` in seconds (None for images), `width` and `height` in pixels as shown, rates in Hz."""

    kind: MediaKind
    content_type: str
    extension: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None
    channels: int | None = None


def warm() -> None:
    """Nothing to compile: importing this module has loaded the decoders."""
