"""The main job as any client does it: a song, create, render, watch, fetch, tidy up."""

from __future__ import annotations

import asyncio
import re
import time
from argparse import Namespace
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.api import Api
from app.demo.errors import DemoError
from app.demo.files import appearing
from app.demo.progress import Progress
from app.demo.song import Song, composed, uploaded
from app.demo.watching import completed

READY_SECONDS = 180.0

# Deep water, violet, rose, and a little amber for the beats.
PALETTE = [[64, 156, 255], [118, 102, 255], [255, 92, 158], [255, 178, 94]]
CONFIG = {
    "fps": 30,
    "seed": 7,
    "particleCount": 1800,
    "maxParticles": 3000,
    "particleColors": PALETTE,
    "glow": 0.7,
}

CREATE = """mutation Create($input: CreateParticleSystemInput!) {
  createParticleSystem(input: $input) { id config { width height fps } }
}"""
RENDER = """mutation Render($id: ID!, $input: RenderInput) {
  renderParticleSystem(id: $id, input: $input) { id }
}"""
MADE = "query Made($id: ID!) { job(id: $id) { video { id url duration } } }"
DELETE_JOB = "mutation Delete($id: ID!) { deleteJob(id: $id) }"
DELETE_SYSTEM = "mutation Delete($id: ID!) { deleteParticleSystem(id: $id) }"
DELETE_ASSET = "mutation Delete($id: ID!) { deleteAsset(id: $id) }"


@dataclass(frozen=True)
class Wish:
    """What kind of film is asked for, in the words of the API."""

    particle_type: str
    quality: str
    width: int
    height: int

    @classmethod
    def of(cls, arguments: Namespace) -> Wish:
        size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", arguments.size)
        if size is None:
            raise DemoError(f"--size must be like 1920x1080, not {arguments.size!r}.")
        return cls(arguments.type.upper(), arguments.quality.upper(), int(size[1]), int(size[2]))


@dataclass(frozen=True)
class Film:
    """What was made: `seconds` from the order to the end of the job, `total_seconds` with everything."""

    path: Path
    duration: float
    width: int
    height: int
    fps: int
    seconds: float
    total_seconds: float

    def line(self) -> str:
        return (
            f"{self.path}: {self.duration:.1f} s of {self.width}x{self.height} at {self.fps} fps"
            f" in {self.seconds:.1f} s, {self.duration / self.seconds:.1f} times real time"
            f" ({self.total_seconds:.1f} s with everything around it)"
        )


async def make_film(url: str, song: Path | None, wish: Wish, output: Path, progress: Progress) -> Film:
    """Without a song the server composes one. Raises DemoError."""
    began = progress.began
    async with Api(url) as api:
        audio = await _song(api, song, progress)
        system = await _created(api, audio.name[:100], audio.id, wish)
        await _wait_until_ready(api, progress)
        ordered = time.monotonic()
        job = (await api.run(RENDER, id=system["id"], input={"quality": wish.quality}))[
            "renderParticleSystem"
        ]["id"]
        await completed(api, job, "render", progress)
        video = (await api.run(MADE, id=job))["job"]["video"]
        seconds = time.monotonic() - ordered
        progress.say("Saving the video")
        with appearing(output) as part:
            await api.download(video["url"], part)
        # The next demo renders again instead of being answered with this one's file.
        await _tidy(api, job, system["id"], audio, video["id"])
    config = system["config"]
    total = time.monotonic() - began
    return Film(output, video["duration"], config["width"], config["height"], config["fps"], seconds, total)


async def _song(api: Api, song: Path | None, progress: Progress) -> Song:
    if song is not None:
        return await uploaded(api, song, progress)
    await _wait_until_ready(api, progress)
    return await composed(api, progress)


async def _created(api: Api, name: str, audio_id: str, wish: Wish) -> Any:
    config = {**CONFIG, "width": wish.width, "height": wish.height}
    made = {"name": name, "particleType": wish.particle_type, "config": config, "audioId": audio_id}
    return (await api.run(CREATE, input=made))["createParticleSystem"]


async def _wait_until_ready(api: Api, progress: Progress) -> None:
    deadline = time.monotonic() + READY_SECONDS
    if not await api.is_ready():
        progress.say("Compiling the renderer (once) and warming up")
    while not await api.is_ready():
        if time.monotonic() > deadline:
            raise DemoError(f"No worker was ready in {READY_SECONDS:g} s.")
        await asyncio.sleep(0.1)


async def _tidy(api: Api, job: str, system: str, song: Song, video: str) -> None:
    for document, one in (
        (DELETE_JOB, job),
        (DELETE_SYSTEM, system),
        (DELETE_ASSET, video),
        *(() if song.job is None else ((DELETE_JOB, song.job),)),
        *((DELETE_ASSET, file) for file in song.files),
    ):
        with suppress(DemoError):
            await api.run(document, id=one)
