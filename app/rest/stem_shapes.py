"""The documented JSON of separated stems."""

# No `from __future__ import annotations`: FastAPI reads these annotations while it builds the schema.
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from app.rest.audio_files import STATIC
from db.jobs import Job
from domain.jobs import Output

MAX_PATH_CHARACTERS = 4096


class SeparateRequest(BaseModel):
    file_path: str = Field(
        min_length=1,
        max_length=MAX_PATH_CHARACTERS,
        description="A stored file: the path, URL or id that an upload or a result gave, or its name.",
        examples=["/static/audio/song.wav"],
    )
    output_dir: str | None = Field(default=None, description="Accepted and ignored.")


class SeparationStarted(BaseModel):
    task_id: str
    status: str = "pending"


def stems_result(job: Job, outputs: Sequence[Output]) -> dict[str, Any]:
    """Where each stem plays, and what is told of them. A stem that was deleted since is left out."""
    names = {output.role: output.asset.filename for output in outputs}
    facts = job.result or {}
    return {
        "status": "success",
        "stem_urls": {role: f"{STATIC}{quote(name, safe='')}" for role, name in names.items()},
        "stem_files": list(names.values()),
        **{name: facts.get(name) for name in ("provider", "duration", "sample_rate", "channels")},
        **({"model": facts["model"]} if "model" in facts else {}),
    }
