"""A system as it is now, then after every change, until it is deleted.

The row is the truth: it is read again on each nudge and every few seconds, so a lost nudge only delays; those
that are woken together read it together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from db import particles as rows
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.particles.systems import get
from domain.patience import patiently
from domain.ports import Services
from domain.watching import Step, Version

REREAD_SECONDS = 5.0


async def watch(
    viewer: Viewer, system_id: UUID, *, services: Services
) -> AsyncGenerator[ParticleSystem, None]:
    """Raises NotFound at the first step for a system that is not the viewer's. Versions only grow, but where
    the database itself was set back."""
    first = await get(viewer, system_id)
    yield first
    steps = following(viewer, system_id, Version(first.version), services=services)
    async with aclosing(steps):
        async for step in steps:
            if step.item is not None:
                yield step.item


async def opening(
    viewer: Viewer, system_id: UUID, start: Version | None = None, *, services: Services
) -> AsyncGenerator[Step[ParticleSystem, Version], None]:
    """The system as it is, if it is newer than `start`. Raises what `watch` does where there is no start."""
    if start is None:
        row = await services.reads.read(("system to open", viewer, system_id), lambda: get(viewer, system_id))
        yield Step(row, Version(row.version))
    else:
        yield await _step(viewer, system_id, start, services)


async def following(
    viewer: Viewer, system_id: UUID, mark: Version, *, services: Services
) -> AsyncGenerator[Step[ParticleSystem, Version], None]:
    """Every later state that is seen, until the system is deleted."""
    async with services.events.subscribe(f"particles:{system_id}") as nudges:
        while True:
            step = await _step(viewer, system_id, mark, services)
            if step.is_last:
                return
            yield step
            mark = step.mark
            await nudges.wait(REREAD_SECONDS)


async def _step(
    viewer: Viewer, system_id: UUID, mark: Version, services: Services
) -> Step[ParticleSystem, Version]:
    row: ParticleSystem | None = await patiently(
        lambda: services.reads.read(("system", viewer, system_id), lambda: rows.find(viewer.id, system_id))
    )
    if row is None:
        return Step(None, mark, is_last=True)
    if row.version == mark.number:
        return Step(None, mark)
    # Versions only grow and the row was read later than the mark: a lower one is that of a database that was
    # itself set back, to a backup or a standby that lagged. Only then does a watcher see less than before.
    return Step(row, Version(row.version, is_set_back=row.version < mark.number))
