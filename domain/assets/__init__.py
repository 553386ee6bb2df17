"""Stored files: what a client uploaded and what a job made. A row is one owner's reference to bytes.

The bytes are named by their content hash (uploads) or by the job that made them (renders); an asset is
recognised by its content, never by a name, and no name that a client says is ever opened.
"""

from __future__ import annotations

from db.assets import Asset
from domain.assets.derived import peaks, thumbnail
from domain.assets.intake import NewAsset, hash_of, hold, record, store, taken
from domain.assets.places import features_key, thumbnail_url, upload_key, url
from domain.assets.reading import by_ids, find, find_named, get, id_within, inputs, page
from domain.assets.removal import collect, delete, remove_orphan, sweep

__all__ = [
    "Asset",
    "NewAsset",
    "by_ids",
    "collect",
    "delete",
    "features_key",
    "find",
    "find_named",
    "get",
    "hash_of",
    "hold",
    "id_within",
    "inputs",
    "page",
    "peaks",
    "record",
    "remove_orphan",
    "store",
    "sweep",
    "taken",
    "thumbnail",
    "thumbnail_url",
    "upload_key",
    "url",
]
