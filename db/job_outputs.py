"""The files that jobs made: what links them to their jobs, and which earlier ones can answer again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import sql
from db.assets import Asset
from db.jobs import Job, JobOutput

_ANSWERS_TRIED = 3


async def link(job_id: UUID, asset_id: UUID, role: str) -> None:
    await JobOutput.create(job_id=job_id, asset_id=asset_id, role=role)


_OUTPUTS = """
SELECT asset.*, output.job_id AS output_job_id, output.role AS output_role FROM job_outputs AS output
JOIN assets AS asset ON asset.id = output.asset_id AND asset.deleted_at IS NULL
WHERE output.job_id = ANY($1::uuid[]) ORDER BY output.id"""


async def outputs_of(job_ids: Sequence[UUID]) -> list[tuple[UUID, str, Asset]]:
    """(job, role, asset) of every output whose asset is still there, in the order of making."""
    if not job_ids:
        return []
    rows = await sql.rows(_OUTPUTS, list(job_ids))
    return [(row["output_job_id"], row["output_role"], Asset._init_from_db(**row)) for row in rows]


async def answers(cache_key: str) -> list[tuple[Job, list[tuple[str, Asset]]]]:
    """The newest completed jobs with this key whose outputs, (role, asset), are all still there."""
    jobs = (
        await Job.filter(cache_key=cache_key, state="COMPLETED").order_by("-created_at").limit(_ANSWERS_TRIED)
    )
    found = []
    for job in jobs:
        made = await JobOutput.filter(job_id=job.id).count()
        outputs = [(role, asset) for _, role, asset in await outputs_of([job.id])]
        if made and len(outputs) == made:
            found.append((job, outputs))
    return found


_HOLD = "SELECT key FROM assets WHERE key = ANY($1::text[]) AND deleted_at IS NULL ORDER BY id FOR SHARE"


async def hold_keys(keys: Sequence[str]) -> bool:
    """Whether each key has a row that was not deleted; those rows stay until the transaction ends."""
    found = await sql.rows(_HOLD, list(keys))
    return {row["key"] for row in found} >= set(keys)
