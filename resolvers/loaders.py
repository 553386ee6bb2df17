"""What rows refer to, loaded for all rows of an operation at once. New for each operation and event."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from uuid import UUID

from db.accounts import User
from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from db.branches import Branch, CommitTag
from db.commits import Commit, Place
from db.jobs import Job
from db.particles import ParticleSystem
from db.repositories import Repository
from db.stems import Mix, Stem
from domain import accounts, assets, audio_analysis, commits, jobs, particles, repositories
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
        self._histories: dict[tuple[str | None, int, str | None, bool], Batch[UUID, Page[Commit]]] = {}
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

    @cached_property
    def users(self) -> Batch[UUID, User]:
        return Batch(accounts.by_ids)

    @cached_property
    def repositories(self) -> Batch[UUID, Repository]:
        return Batch(partial(repositories.by_ids, self._viewer))

    @cached_property
    def branches(self) -> Batch[UUID, list[Branch]]:
        """By repository."""
        return Batch(repositories.branches_of)

    @cached_property
    def tags(self) -> Batch[UUID, list[CommitTag]]:
        """By repository."""
        return Batch(repositories.tags_of)

    @cached_property
    def commits(self) -> Batch[Place, Commit]:
        """By repository and number, of repositories that the viewer was shown."""
        return Batch(commits.at)

    @cached_property
    def stem_sets(self) -> Batch[UUID, dict[str, Stem]]:
        return Batch(commits.stem_sets)

    @cached_property
    def mixes(self) -> Batch[Mix, Asset]:
        """What commits that the viewer was shown sound like as a whole."""
        return Batch(commits.mixes)

    @cached_property
    def commits_by_id(self) -> Batch[UUID, Commit]:
        return Batch(partial(commits.by_ids, self._viewer))

    @cached_property
    def commit_files(self) -> Batch[UUID, Asset]:
        """Files of commits that the viewer was shown, whoever's they are."""
        return Batch(commits.files)

    def histories(
        self, branch: str | None, first: int, after: str | None, is_counted: bool
    ) -> Batch[UUID, Page[Commit]]:
        """By repository; one for each set of page arguments that an operation uses."""

        async def fetch(ids: list[UUID]) -> Mapping[UUID, Page[Commit]]:
            return await commits.histories(ids, branch, first=first, after=after, is_counted=is_counted)

        return self._histories.setdefault((branch, first, after, is_counted), Batch(fetch))

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
