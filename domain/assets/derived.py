"""What is made of an asset on demand and kept: thumbnails and waveforms, by content hash."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from uuid import uuid4

from db.assets import Asset
from domain.assets.places import PICTURED_KINDS, peaks_key, thumbnail_key
from domain.errors import InvalidInput, NotFound
from domain.media import ask
from domain.ports import Services

THUMBNAIL = "render.media.thumbnail:thumbnail"
THUMBNAIL_WIDTH = 640
PEAKS = "render.media.peaks:peaks"
MAX_PEAKS = 10_000
PEAKS_SECONDS = 60.0  # two hours of audio on a busy machine


async def thumbnail(asset: Asset, *, services: Services) -> str:
    """The storage key of a JPEG of a video or an image. Raises NotFound for what has no picture."""
    if asset.kind not in PICTURED_KINDS:
        raise NotFound("This asset has no thumbnail")
    key = thumbnail_key(asset.sha256)
    if not await services.files.exists(key):
        await _make_thumbnail(asset, key, services)
    return key


async def peaks(asset: Asset, count: int = 800, *, services: Services) -> list[float] | None:
    """The waveform's overview: `count` loudest values of 0..1, in order of time; None for what is no audio.

    Raises InvalidInput beyond 1 to 10,000 values.
    """
    if not 1 <= count <= MAX_PEAKS:
        raise InvalidInput("count", f"count must be 1 to {MAX_PEAKS}, got {count}")
    if asset.kind != "AUDIO":
        return None
    return reduced(await _all_peaks(asset, services), count)


def reduced(values: list[float], count: int) -> list[float]:
    """`count` maxima over equal parts of `values`; parts share a value where they do not divide evenly."""
    length = len(values)
    if not length:
        return [0.0] * count
    return [
        max(values[i * length // count : max(ceil((i + 1) * length / count), i * length // count + 1)])
        for i in range(count)
    ]


async def _all_peaks(asset: Asset, services: Services) -> list[float]:
    key = peaks_key(asset.sha256)
    if not await services.files.exists(key):
        await _make_peaks(asset, key, services)
    text = b"".join([block async for block in services.files.stream(key, 0, await services.files.size(key))])
    values: list[float] = json.loads(text)
    return values


async def _make_thumbnail(asset: Asset, key: str, services: Services) -> None:
    staged = _staged(services, ".jpg")
    try:
        async with services.files.local(asset.key) as path:
            await ask(services, THUMBNAIL, str(path), str(staged), THUMBNAIL_WIDTH)
        await services.files.put(key, staged)
    finally:
        staged.unlink(missing_ok=True)


async def _make_peaks(asset: Asset, key: str, services: Services) -> None:
    staged = _staged(services, ".json")
    try:
        async with services.files.local(asset.key) as path:
            values = await ask(services, PEAKS, str(path), MAX_PEAKS, timeout=PEAKS_SECONDS)
        staged.write_text(json.dumps([round(float(value), 4) for value in values]))
        await services.files.put(key, staged)
    finally:
        staged.unlink(missing_ok=True)


def _staged(services: Services, suffix: str) -> Path:
    services.scratch.mkdir(parents=True, exist_ok=True)
    return services.scratch / f"{uuid4().hex}{suffix}"
