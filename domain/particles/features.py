"""The audio features of a song, kept in storage under its content hash: made once, whoever asks first.

An answer at once (a frame, a preview) waits a few seconds for them; when that is not enough the computation
goes on and is kept, so that a later call succeeds.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

from db.assets import Asset
from domain.assets.places import features_key
from domain.errors import TimedOut
from domain.media import ask
from domain.ports import Services

ANALYSE = "render.audio.listen:listen"
PATIENCE_SECONDS = 8.0
ANALYSIS_SECONDS = 600.0  # two hours of audio on a slow machine

_under_way: dict[str, asyncio.Task[None]] = {}


async def ready_features(audio: Asset, *, services: Services, patience: float = PATIENCE_SECONDS) -> str:
    """The key of the song's features, computed now where they are not stored yet.

    Raises TimedOut when `patience` seconds were not enough (the work goes on), or what is wrong with it.
    """
    key = features_key(audio.sha256)
    if await services.files.exists(key):
        return key
    task = _started(key, audio, services)
    done, _ = await asyncio.wait({task}, timeout=patience)
    if not done:
        raise TimedOut(f"{audio.filename} is still being listened to; ask again in a moment")
    task.result()
    return key


def _started(key: str, audio: Asset, services: Services) -> asyncio.Task[None]:
    """One computation a song in this process, however many wait for it."""
    task = _under_way.get(key)
    if task is None or task.get_loop() is not asyncio.get_running_loop():
        task = asyncio.create_task(_compute(key, audio, services), name=f"features of {audio.id}")
        _under_way[key] = task
        task.add_done_callback(lambda done: _forget(key, done))
    return task


def _forget(key: str, task: asyncio.Task[None]) -> None:
    if _under_way.get(key) is task:
        del _under_way[key]
    if not task.cancelled():
        task.exception()  # seen: whoever still waits raises it, nobody else has to


async def _compute(key: str, audio: Asset, services: Services) -> None:
    services.scratch.mkdir(parents=True, exist_ok=True)
    staged = services.scratch / f"{uuid4().hex}.npz"
    try:
        async with services.files.local(audio.key) as path:
            arguments = (str(path), str(staged))
            await ask(services, ANALYSE, *arguments, field="audio_id", timeout=ANALYSIS_SECONDS)
        await services.files.put(key, staged)
    finally:
        staged.unlink(missing_ok=True)
