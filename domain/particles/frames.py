"""Single frames and short previews of the real picture, of a stored system or a config that need not exist.

They are drawn by the API's own children and kept under the hash of what they show, so the same request is
served at once. What lies under `frames/` may vanish any time (the daily sweep bounds it) and is drawn again.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from db.assets import Asset
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.assets.removal import STAGED_FOLDER_PREFIX
from domain.errors import InvalidInput
from domain.media import ask
from domain.particles.config import merged_config
from domain.particles.cut import film_seconds
from domain.particles.features import ready_features
from domain.particles.films import DEAF, content_hash
from domain.particles.songs import song, song_of
from domain.particles.systems import config_of, get
from domain.ports import Services
from render.audio.version import FEATURES_VERSION
from render.particles.config import PICTURE_VERSION, ParticleConfig, ParticleType, to_json
from render.video.film_spec import FilmSpec
from render.video.timing import frame_span

DEFAULT_WIDTH = 640
MIN_WIDTH, MAX_WIDTH = 16, 1920
MAX_PREVIEW_SECONDS = 10.0
STILL = "render.video.particles:render_still"
PREVIEW = "render.video.particles:render_preview"


@dataclass(frozen=True)
class Scene:
    """What a picture is made of. `audio` is a live asset with sound, or None."""

    particle_type: ParticleType
    config: ParticleConfig
    audio: Asset | None = None


def frame_url(
    system: ParticleSystem, audio: Asset | None, time: float, width: int | None, *, services: Services
) -> str:
    """Where one frame of a stored system is served; changes with the system. Raises InvalidInput."""
    wide = _checked(config_of(system), audio, time, width)
    query = urlencode({"time": float(time), "width": wide, "v": system.version})
    return f"{services.public_url}/frames/particle-systems/{system.id}.png?{query}"


async def config_frame_url(
    viewer: Viewer,
    particle_type: ParticleType,
    config: Mapping[str, Any] | None,
    audio_id: UUID | None,
    time: float = 0.0,
    width: int | None = None,
    *,
    services: Services,
) -> str:
    """Where one frame of this config is served; nothing is stored. Raises InvalidInput, NotFound (audio)."""
    scene = await loose_scene(viewer, particle_type, config, audio_id)
    wide = _checked(scene.config, scene.audio, time, width)
    query = {"type": particle_type.value.lower(), "config": packed(config or {})}
    if audio_id is not None:
        query["audio"] = str(audio_id)
    query |= {"time": str(float(time)), "width": str(wide)}
    return f"{services.public_url}/frames/particles.png?{urlencode(query)}"


def packed(config: Mapping[str, Any]) -> str:
    """A config patch as it travels in a frame's URL: base64url of its JSON."""
    return base64.urlsafe_b64encode(json.dumps(config, separators=(",", ":")).encode()).decode().rstrip("=")


def unpacked(text: str) -> dict[str, Any]:
    """Raises InvalidInput for what `packed` did not make."""
    try:
        config = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("config", "config must be base64url of a JSON object") from error
    if not isinstance(config, dict):
        raise InvalidInput("config", "config must be base64url of a JSON object")
    return config


async def system_scene(viewer: Viewer, system_id: UUID) -> Scene:
    """Raises NotFound."""
    system = await get(viewer, system_id)
    return Scene(ParticleType(system.particle_type), config_of(system), await song_of(viewer, system))


async def loose_scene(
    viewer: Viewer, particle_type: ParticleType, config: Mapping[str, Any] | None, audio_id: UUID | None
) -> Scene:
    """Raises InvalidInput and NotFound (audio)."""
    audio = None if audio_id is None else await song(viewer, audio_id)
    return Scene(particle_type, merged_config(ParticleConfig(), config), audio)


async def frame(scene: Scene, time: float = 0.0, width: int | None = None, *, services: Services) -> str:
    """The storage key of the PNG of the frame shown at `time` seconds, `width` pixels wide.

    Raises InvalidInput, and TimedOut while the song is still being listened to: a later call succeeds.
    """
    wide = _checked(scene.config, scene.audio, time, width)
    last = frame_span(film_seconds(scene.config, scene.audio), scene.config.fps).count - 1
    number = min(int(time * scene.config.fps + 1e-6), last)
    key = f"frames/{_hash(scene, frame=number, width=wide)}.png"
    if not await services.files.exists(key):
        await _draw(STILL, scene, key, number, wide, services=services)
    return key


async def preview(scene: Scene, duration: float = 2.0, *, services: Services) -> str:
    """The storage key of a small MP4 of the film's first `duration` seconds, the real config scaled down.

    Raises InvalidInput and TimedOut as `frame` does.
    """
    if not (math.isfinite(duration) and 0.1 <= duration <= MAX_PREVIEW_SECONDS):
        raise InvalidInput("duration", f"duration must be 0.1 to {MAX_PREVIEW_SECONDS:g} s, got {duration:g}")
    seconds = min(duration, film_seconds(scene.config, scene.audio))
    sounds = None if scene.audio is None else scene.audio.sha256
    key = f"frames/{_hash(scene, preview=seconds, sounds=sounds)}.mp4"
    if not await services.files.exists(key):
        async with AsyncExitStack() as held:
            sound = None if scene.audio is None else await _held(scene.audio.key, held, services)
            film = {"quality": "DRAFT", "end_time": seconds, "audio_path": sound}
            await _draw(PREVIEW, scene, key, services=services, **film)
    return key


async def _draw(
    function: str, scene: Scene, key: str, *arguments: int, services: Services, **film: Any
) -> None:
    """Let a child draw into a folder of its own, and keep what it made under the key."""
    services.scratch.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as held:
        folder = held.enter_context(TemporaryDirectory(prefix=STAGED_FOLDER_PREFIX, dir=services.scratch))
        out = Path(folder, PurePosixPath(key).name)
        spec = FilmSpec(
            kind=scene.particle_type.value,
            config=to_json(scene.config),
            out=str(out),
            features_path=await _features_path(scene, held, services),
            audio_duration=None if scene.audio is None else scene.audio.duration,
            **film,
        )
        await ask(services, function, spec, *arguments)
        await services.files.put(key, out)


async def _features_path(scene: Scene, held: AsyncExitStack, services: Services) -> str | None:
    if scene.audio is None or scene.particle_type in DEAF:
        return None
    return await _held(await ready_features(scene.audio, services=services), held, services)


async def _held(key: str, held: AsyncExitStack, services: Services) -> str:
    return str(await held.enter_async_context(services.files.local(key)))


def _checked(config: ParticleConfig, audio: Asset | None, time: float, width: int | None) -> int:
    whole = film_seconds(config, audio)
    if not (math.isfinite(time) and 0 <= time <= whole):
        raise InvalidInput("time", f"time must be 0 to {whole:g} s, got {time:g}")
    wide = DEFAULT_WIDTH if width is None else width
    if not MIN_WIDTH <= wide <= MAX_WIDTH:
        raise InvalidInput("width", f"width must be {MIN_WIDTH} to {MAX_WIDTH}, got {wide}")
    return wide


def _hash(scene: Scene, **what: float | str | None) -> str:
    heard = None if scene.audio is None or scene.particle_type in DEAF else scene.audio.sha256
    return content_hash(
        {
            "picture": PICTURE_VERSION,
            "features": FEATURES_VERSION,
            "type": scene.particle_type.value,
            "config": to_json(scene.config),
            "audio": heard,
            **what,
        }
    )
