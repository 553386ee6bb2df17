"""The song of the demo, as an asset of its server: the given one, uploaded, or one that is composed there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.demo.api import Api
from app.demo.errors import DemoError
from app.demo.progress import Progress
from app.demo.watching import completed

UPLOAD = "mutation Upload($file: Upload!) { uploadAsset(file: $file) { id kind duration } }"
GENERATE = "mutation Generate($input: GenerateMusicInput!) { generateMusic(input: $input) { id } }"
MADE = "query Made($id: ID!) { job(id: $id) { audio { id } outputs { asset { id } } } }"

# It begins quietly, opens, and has a beat that particles can follow.
PIECE = {
    "prompt": "uplifting synthwave with a driving bass, 112 bpm, in A minor",
    "duration": 28.0,
    "seed": 7,
}


@dataclass(frozen=True)
class Song:
    """`id` is the asset's; `files` are all that came with it, `job` what made it, if anything did."""

    id: str
    name: str
    files: tuple[str, ...]
    job: str | None = None


async def uploaded(api: Api, path: Path, progress: Progress) -> Song:
    """Raises DemoError for a file that is no song."""
    progress.say("Uploading the song")
    audio = (await api.upload(UPLOAD, path))["uploadAsset"]
    if audio["kind"] != "AUDIO":
        raise DemoError(f"{path} is no song: the server takes it for {_thing(audio['kind'])}.")
    return Song(audio["id"], path.stem, (audio["id"],))


async def composed(api: Api, progress: Progress) -> Song:
    """Raises DemoError."""
    progress.say("Composing the song")
    job = (await api.run(GENERATE, input=PIECE))["generateMusic"]["id"]
    await completed(api, job, "composition", progress)
    made: dict[str, Any] = (await api.run(MADE, id=job))["job"]
    files = tuple(output["asset"]["id"] for output in made["outputs"])
    return Song(made["audio"]["id"], "starling-demo", files, job)


def _thing(kind: str) -> str:
    return {"VIDEO": "a video", "IMAGE": "a picture"}.get(kind, "something else")
