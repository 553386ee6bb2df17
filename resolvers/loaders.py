"""What rows refer to, loaded for all rows of an operation at once. New for each operation and event."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from uuid import UUID

from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from db.jobs import Job
from db.particles import ParticleSystem
from domain import assets, audio_analysis, jobs, particles
from domain.accounts import Viewer
from domain.jobs.by_subject import pages_by_subject
from domain.pages import Page
from resolvers.batching import Batch


class Loaders:
    """Each attribute is a Batch by id, made when it is first asked for: most operations need none.

    What is not the viewer's, or is gone, loads as None.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._system_jobs: dict[tuple[int, str | None, bool], Batch[UUID, Page[Job]]] = {}

    @cached_property
    def outputs(self) -> Batch[UUID, list[jobs.Output]]:
        return Batch(jobs.outputs_for)

    @cached_property
    def retried_by(self) -> Batch[UUID, UUID]:
        return Batch(jobs.retried_by_for)

    @cached_property
    def assets(self) -> Batch[UUID, Asset]:
        return Batch(partial(assets.by_ids, self._viewer))

    @cached_property
    def analyses(self) -> Batch[str, AudioAnalysis]:
        """By content hash."""
        return Batch(audio_analysis.by_contents)

    @cached_property
    def systems(self) -> Batch[UUID, ParticleSystem]:
        return Batch(partial(particles.by_ids, self._viewer))

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
