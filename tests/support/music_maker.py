"""Makers of music that leave a few bytes in an instant, for tests of what becomes of a piece: none is
listened to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from render.music.made import AUDIO, MIDI, PREVIEW, Made, Report, place

STEMS = ("drums", "bass", "melody", "other")


def whole(request: Mapping[str, Any], folder: str, report: Report) -> Made:
    """As the composer: a mix, four stems, a preview and notes."""
    return _made(request, folder, (AUDIO, *STEMS, PREVIEW, MIDI))


def mix_alone(request: Mapping[str, Any], folder: str, report: Report) -> Made:
    """As a model that knows no stems and promises no tempo."""
    return _made(request, folder, (AUDIO, PREVIEW), {"bpm": None, "key": None, "model": "tiny"})


def _made(
    request: Mapping[str, Any], folder: str, roles: tuple[str, ...], facts: Mapping[str, Any] | None = None
) -> Made:
    for role in roles:
        place(folder, role).write_bytes(f"{role} of seed {request['seed']}".encode())
    return Made("test-maker", roles, request["duration"], 44_100, 2, -14.0, -1.2, facts or {})
