"""What rows refer to, loaded for all rows of an operation at once. New for each operation and event."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from db.particles import ParticleSystem
from domain import assets, jobs, particles
from domain.accounts import Viewer
from domain.jobs.by_subject import pages_by_subject
from domain.pages import Page
from resolvers.batching import Batch


class Loaders:
    """Each attribute is a Batch by id. What is not the viewer's, or is gone, loads as None."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.outputs: Batch[UUID, list[jobs.Output]] = Batch(jobs.outputs_for)
        self.retried_by: Batch[UUID, UUID] = Batch(jobs.retried_by_for)
        self.assets: Batch[UUID, Asset] = Batch(self._assets)
        self.systems: Batch[UUID, ParticleSystem] = Batch(self._systems)
        self._system_jobs: dict[tuple[int, str | None, bool], Batch[UUID, Page[Job]]] = {}

    def system_jobs(self, first: int, after: str | None, is_counted: bool) -> Batch[UUID, Page[Job]]:
        """By system id; one for each set of page arguments that an operation uses."""

        async def fetch(system_ids: list[UUID]) -> Mapping[UUID, Page[Job]]:
            return await pages_by_subject(
                self._viewer,
                particles.SUBJECT,
                system_ids,
                first=first,
                after=after,
                is_counted=is_counted,
            )

        return self._system_jobs.setdefault((first, after, is_counted), Batch(fetch))

    async def _assets(self, ids: list[UUID]) -> Mapping[UUID, Asset]:
        return await assets.by_ids(self._viewer, ids)

    async def _systems(self, ids: list[UUID]) -> Mapping[UUID, ParticleSystem]:
        return await particles.by_ids(self._viewer, ids)
