"""What a job has made, as it becomes its owner's: an asset row for each file, linked by its role."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import job_outputs
from domain import assets
from domain.assets import NewAsset


async def keep(job_id: UUID, owner_id: UUID, made: Sequence[tuple[str, NewAsset]]) -> None:
    """Record (role, asset) pairs within the transaction that settles the job."""
    for role, new in made:
        asset = await assets.record(owner_id, new)
        await job_outputs.link(job_id, asset.id, role)
