"""The documented JSON of generated music: what a request looks like, and how its job becomes a result."""

# No `from __future__ import annotations`: FastAPI reads these annotations while it builds the schema.
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from app.rest.audio_files import STATIC
from db.jobs import Job
from domain.jobs import Output
from domain.music import MAX_BPM, MIN_BPM
from render.music.parameters import MAX_MOOD_CHARACTERS, MAX_PROMPT_CHARACTERS

QUEUED = "Generation task queued. Poll the status endpoint to check progress."
MAX_SECONDS = 30.0  # as documented; the same for a length that the prompt says
_MAIN = ("audio", "preview", "midi")


class GenerationRequest(BaseModel):
    prompt: str = Field(
        min_length=1,
        max_length=MAX_PROMPT_CHARACTERS,
        description="What the music is like; explicit words in it win over the other fields.",
        examples=["Upbeat electronic dance music"],
    )
    bpm: int = Field(default=120, ge=MIN_BPM, le=MAX_BPM, description="Beats a minute.")
    mood: str = Field(default="neutral", max_length=MAX_MOOD_CHARACTERS)
    duration: float = Field(default=15, ge=5, le=MAX_SECONDS, description="Seconds.")
    key: str | None = Field(default=None, description='As "A minor" or "F# major".')
    seed: int | None = Field(default=None, description="The same request and seed is the same piece.")
    repo_id: str | None = Field(default=None, description="The repository that the piece is committed to.")
    commit_id: str | None = Field(default=None, description="The commit that it follows there.")


class GenerationStarted(BaseModel):
    task_id: str
    status: str = "pending"
    message: str = QUEUED


class BatchStarted(BaseModel):
    task_ids: list[str]
    count: int
    message: str = "Batch generation queued"


def piece_result(job: Job, outputs: Sequence[Output]) -> dict[str, Any]:
    """Where the piece plays, and what it was made from. A file that was deleted since is left out.

    `commit` is there where the piece was to be committed (`domain.music.committing`), `model` where a trained
    one made it.
    """
    names = {output.role: output.asset.filename for output in outputs}
    paths = {role: f"{STATIC}{quote(name, safe='')}" for role, name in names.items()}
    facts = job.result or {}
    told = {
        name: facts.get(name) for name in ("duration", "bpm", "mood", "key", "seed", "provider", "prompt")
    }
    return {
        "file_path": paths.get("audio"),
        "preview_path": paths.get("preview"),
        **told,
        "output_filename": names.get("audio"),
        "stems": {role: path for role, path in paths.items() if role not in _MAIN},
        "midi_path": paths.get("midi"),
        **{name: facts[name] for name in ("model", "commit") if name in facts},
    }
