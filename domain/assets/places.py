"""Where an asset and what is derived from it lie: keys in storage, paths on this server."""

from __future__ import annotations

from urllib.parse import quote

from db.assets import Asset
from render.audio.version import FEATURES_VERSION

UPLOADS, RENDERS, FEATURES, THUMBNAILS, PEAKS, FRAMES = (
    "assets",
    "renders",
    "features",
    "thumbnails",
    "peaks",
    "frames",
)
THUMBNAIL_NAME = "thumbnail.jpg"
PICTURED_KINDS = ("VIDEO", "IMAGE")


def upload_key(sha256: str) -> str:
    return f"{UPLOADS}/{sha256[:2]}/{sha256}"


def features_key(sha256: str) -> str:
    """Where the analysed features of a track are kept, whoever uploaded it."""
    return f"{FEATURES}/{sha256}-v{FEATURES_VERSION}.npz"


def thumbnail_key(sha256: str) -> str:
    return f"{THUMBNAILS}/{sha256}.jpg"


def peaks_key(sha256: str) -> str:
    return f"{PEAKS}/{sha256}.json"


def derived_keys(sha256: str) -> tuple[str, ...]:
    """Everything that can be made again from the bytes."""
    return thumbnail_key(sha256), peaks_key(sha256), features_key(sha256)


def url(asset: Asset, public_url: str = "") -> str:
    """A path on this server, or absolute where `public_url` is set. The id names the asset; the file name
    is for people, so the one name that the thumbnail has taken is shown as another."""
    name = "original.jpg" if asset.filename == THUMBNAIL_NAME else asset.filename
    return f"{public_url.rstrip('/')}/assets/{asset.id}/{quote(name, safe='')}"


def thumbnail_url(asset: Asset, public_url: str = "") -> str | None:
    """None for what has no picture."""
    if asset.kind not in PICTURED_KINDS:
        return None
    return f"{public_url.rstrip('/')}/assets/{asset.id}/{THUMBNAIL_NAME}"
