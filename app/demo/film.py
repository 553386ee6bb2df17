"""The main job as any client does it: upload, create, render, watch, fetch, tidy up."""

from __future__ import annotations

import asyncio
import re
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.api import Api
from app.demo.errors import DemoError
from app.demo.files import appearing
from app.demo.progress import Progress

READY_SECONDS = 180.0
CANCEL_SECONDS = 3.0

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

UPLOAD = "mutation Upload($file: Upload!) { uploadAsset(file: $file) { id kind duration } }"
CREATE = """mutation Create($input: CreateParticleSystemInput!) {
  createParticleSystem(input: $input) { id config { width height fps } }
}"""
RENDER = """mutation Render($id: ID!, $input: RenderInput) {
  renderParticleSystem(id: $id, input: $input) { id }
}"""
WATCH = """subscription Watch($id: ID!, $after: String) {
  jobUpdates(id: $id, after: $after) {
    cursor status progress stage message
    job { etaSeconds error { message } video { id url duration } }
  }
}"""
CANCEL = "mutation Cancel($id: ID!) { cancelJob(id: $id) { id } }"
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


async def make_film(url: str, song: Path, wish: Wish, output: Path, progress: Progress) -> Film:
    """Raises DemoError."""
    began = progress.began
    async with Api(url) as api:
        progress.say("Uploading the song")
        audio = (await api.upload(UPLOAD, song))["uploadAsset"]
        if audio["kind"] != "AUDIO":
            raise DemoError(f"{song} is no song: the server takes it for {_thing(audio['kind'])}.")
        system = await _created(api, song.stem[:100], audio["id"], wish)
        await _wait_until_ready(api, progress)
        ordered = time.monotonic()
        job = (await api.run(RENDER, id=system["id"], input={"quality": wish.quality}))[
            "renderParticleSystem"
        ]["id"]
        async with _cancelled_unless_ended(api, job):
            video = await _watched(api, job, progress)
        seconds = time.monotonic() - ordered
        progress.say("Saving the video")
        with appearing(output) as part:
            await api.download(video["url"], part)
        # The next demo renders again instead of being answered with this one's file.
        await _tidy(api, job, system["id"], audio["id"], video["id"])
    config = system["config"]
    total = time.monotonic() - began
    return Film(output, video["duration"], config["width"], config["height"], config["fps"], seconds, total)


async def _created(api: Api, name: str, audio_id: str, wish: Wish) -> Any:
    config = {**CONFIG, "width": wish.width, "height": wish.height}
    made = {"name": name, "particleType": wish.particle_type, "config": config, "audioId": audio_id}
    return (await api.run(CREATE, input=made))["createParticleSystem"]


def _thing(kind: str) -> str:
    return {"VIDEO": "a video", "IMAGE": "a picture"}.get(kind, "something else")


async def _wait_until_ready(api: Api, progress: Progress) -> None:
    deadline = time.monotonic() + READY_SECONDS
    if not await api.is_ready():
        progress.say("Compiling the renderer (once) and warming up")
    while not await api.is_ready():
        if time.monotonic() > deadline:
            raise DemoError(f"No worker was ready in {READY_SECONDS:g} s.")
        await asyncio.sleep(0.1)


async def _watched(api: Api, job: str, progress: Progress) -> Any:
    """Show every update until the job has ended; the video that it made."""
    async for update in api.updates(WATCH, "jobUpdates", id=job):
        progress.show(
            update["progress"], update["stage"] or "", update["message"] or "", update["job"]["etaSeconds"]
        )
        match update["status"]:
            case "COMPLETED":
                return update["job"]["video"]
            case "FAILED":
                error = update["job"]["error"] or {"message": "no reason was given"}
                raise DemoError(f"The render failed: {error['message']}")
            case "CANCELLED":
                raise DemoError("The render was cancelled.")
    raise DemoError("The server stopped telling about the render before its end.")


@asynccontextmanager
async def _cancelled_unless_ended(api: Api, job: str) -> AsyncIterator[None]:
    """Who stops the demo stops its render as well: a stop of the server would wait for it."""
    try:
        yield
    except BaseException:
        with suppress(DemoError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await api.run(CANCEL, id=job)
        raise


async def _tidy(api: Api, job: str, system: str, audio: str, video: str) -> None:
    for document, one in (
        (DELETE_JOB, job),
        (DELETE_SYSTEM, system),
        (DELETE_ASSET, video),
        (DELETE_ASSET, audio),
    ):
        with suppress(DemoError):
            await api.run(document, id=one)
