"""A system as it is now, then after every change, until it is deleted.

The row is the truth: it is read again on each nudge and every few seconds, so a lost nudge only delays; those
that are woken together read it together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from db import particles as rows
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.particles.systems import get
from domain.patience import patiently
from domain.ports import Services

REREAD_SECONDS = 5.0


async def watch(viewer: Viewer, system_id: UUID, *, services: Services) -> AsyncIterator[ParticleSystem]:
    """Raises NotFound at the first step for a system that is not the viewer's. Versions only grow."""
    async with services.events.subscribe(f"particles:{system_id}") as nudges:
        row: ParticleSystem | None = await get(viewer, system_id)
        seen = -1
        while row is not None:
            if row.version > seen:
                seen = row.version
                yield row
            await nudges.wait(REREAD_SECONDS)
            row = await patiently(
                lambda: services.reads.read(
                    ("system", viewer, system_id), lambda: rows.find(viewer.id, system_id)
                )
            )
