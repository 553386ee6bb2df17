"""A piece goes into its repository, in the transaction that settles its job: exactly once, and never lost.

The result of the job says what became of it, under `commit`:

    id, repository_id   the commit
    branch              the branch that it moved, null for a line without a name
    moved               true where the branch was no longer where it had been, so the piece lies on a line
                        without a name behind the commit that it was meant to follow
    problem             why there is no commit (id is null then): the piece's files are there all the same
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from db import job_outputs
from db.jobs import Job
from domain import accounts
from domain.commits import NewCommit, NewStem, StemType
from domain.commits.keeping import Meant, keep
from domain.errors import NotFound, StarlingError
from domain.repositories import texts
from domain.repositories.reading import topic
from render.music.made import AUDIO

GONE = "The repository is no longer there"
_PROMPT_CHARACTERS = 1_000  # of the prompt in the commit's generationParams, which have their own limit
_HEARD_WORDS = 50


def topics_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom the commit of a piece wakes."""
    meant = params["commit"]
    return () if meant is None else (topic(UUID(meant["repository_id"])),)


async def commit_piece(job: Job) -> dict[str, Any]:
    """The addition to the result of a job whose outputs are recorded, in the transaction that settles it."""
    params: dict[str, Any] = job.params
    meant = Meant.of_json(params["commit"])
    told: dict[str, Any] = {
        "id": None,
        "repository_id": str(meant.repository_id),
        "branch": None,
        "moved": False,
        "problem": None,
    }
    try:
        kept = await keep(await accounts.owner(job.owner_id), meant, await _new(job, meant))
        told |= {"id": str(kept.commit.id), "branch": kept.branch, "moved": kept.has_moved}
    except NotFound:
        told["problem"] = GONE
    except StarlingError as error:
        told["problem"] = error.message
    return {"commit": told}


async def _new(job: Job, meant: Meant) -> NewCommit:
    result: dict[str, Any] = job.result
    files = {role: asset.id for _, role, asset in await job_outputs.outputs_of([job.id])}
    stems = [NewStem(type, files[type.value.lower()]) for type in StemType if type.value.lower() in files]
    prompt = result["prompt"]
    return NewCommit(
        repository_id=meant.repository_id,
        message=f"Generated: {prompt}"[: texts.MAX_MESSAGE].strip(),
        branch=meant.branch,
        parent_commit_id=meant.parent_commit_id,
        bpm=result["bpm"],
        key_signature=result["key"],
        generation_params=_generation_params(result),
        render_id=files[AUDIO],
        stems=stems,
    )


def _generation_params(result: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the same piece again, short enough for any prompt."""
    parameters = dict(result["parameters"])
    if "heard" in parameters:
        parameters["heard"] = parameters["heard"][:_HEARD_WORDS]
    told = {"prompt": result["prompt"][:_PROMPT_CHARACTERS], "mood": result["mood"], **parameters}
    maker = {name: result[name] for name in ("provider", "model", "model_commit") if name in result}
    return {**maker, **told}
