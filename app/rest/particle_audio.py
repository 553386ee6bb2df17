"""The audio that a request of the particles family means: a stored asset by name, or one that it brings."""

from __future__ import annotations

from db.assets import Asset
from domain import assets, particles
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound


async def named_audio(viewer: Viewer, text: str) -> Asset:
    """No path is opened: the text names a stored asset of the viewer. Raises NotFound and InvalidInput."""
    asset = await assets.find_named(viewer, text)
    if asset is None:
        raise NotFound("Audio file not found", field="audio_path")
    return with_sound(asset, "audio_path")


def with_sound(asset: Asset, field: str) -> Asset:
    if not particles.has_sound(asset):
        raise InvalidInput(field, f"{field}: there is no audio in {asset.filename}")
    return asset
