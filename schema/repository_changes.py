"""What can be changed of repositories: the part of the mutations that `schema.mutation` takes from here."""

import strawberry

from domain.commits import StemType
from domain.jobs import JobOptions as DomainOptions
from domain.repositories import BranchChanges
from resolvers import commits, repositories
from schema.commit_merges import MergeInput, MergeResult
from schema.commits import Commit, CommitInput
from schema.info import Info
from schema.job_words import JobOptions
from schema.jobs import Job
from schema.lookahead import Wanted
from schema.particle_config import given
from schema.repositories import (
    Branch,
    CommitTag,
    CreateRepositoryInput,
    ForkInput,
    Repository,
    UpdateRepositoryInput,
)


@strawberry.type
class RepositoryChanges:
    @strawberry.mutation(description="An empty repository: its first commit makes its first branch.")
    async def create_repository(self, info: Info, input: CreateRepositoryInput) -> Repository:
        row = await repositories.create(
            info.context, input.name, input.description or "", bool(input.is_public), input.genre or ""
        )
        return await Repository.of(row, Wanted.of(info))

    @strawberry.mutation
    async def update_repository(
        self, info: Info, id: strawberry.ID, input: UpdateRepositoryInput
    ) -> Repository:
        row = await repositories.update(info.context, id, given(input))
        return await Repository.of(row, Wanted.of(info))

    @strawberry.mutation(description="Its forks stay, and so do the files.")
    async def delete_repository(self, info: Info, id: strawberry.ID) -> bool:
        await repositories.delete(info.context, id)
        return True

    @strawberry.mutation(description="Files that a commit has stay with it, though their owner deletes them.")
    async def create_commit(self, info: Info, input: CommitInput) -> Commit:
        stems = input.stems
        row = await commits.create(
            info.context,
            input.repository_id,
            input.message,
            branch=input.branch,
            parent_commit_id=input.parent_commit_id,
            bpm=input.bpm,
            key_signature=input.key_signature,
            generation_params=input.generation_params,
            render_id=input.render_id,
            stems=None
            if stems is None
            else [
                commits.new_stem(one.type, one.asset_id, 1.0 if one.gain is None else one.gain)
                for one in stems
            ],
        )
        return await Commit.of(row, Wanted.of(info))

    @strawberry.mutation(description="A repository of one's own with the same history; no file is copied.")
    async def fork_repository(self, info: Info, input: ForkInput) -> Repository:
        row = await repositories.fork(info.context, input.repository_id, input.name, input.from_commit_id)
        return await Repository.of(row, Wanted.of(info))

    @strawberry.mutation(description="At a commit, by default at the head of the default branch.")
    async def create_branch(
        self,
        info: Info,
        repository_id: strawberry.ID,
        name: str,
        from_commit_id: strawberry.ID | None = None,
    ) -> Branch:
        row = await repositories.create_branch(info.context, repository_id, name, from_commit_id)
        return await Branch.of(row, Wanted.of(info))

    @strawberry.mutation(description="A protected branch keeps its name; another one is made the default.")
    async def update_branch(
        self,
        info: Info,
        repository_id: strawberry.ID,
        name: str,
        new_name: str | None = None,
        is_protected: bool | None = None,
        is_default: bool | None = None,
    ) -> Branch:
        changes = BranchChanges(new_name, is_protected, is_default)
        row = await repositories.update_branch(info.context, repository_id, name, changes)
        return await Branch.of(row, Wanted.of(info))

    @strawberry.mutation(description="Its commits stay. The default one or a protected one is a CONFLICT.")
    async def delete_branch(self, info: Info, repository_id: strawberry.ID, name: str) -> bool:
        await repositories.delete_branch(info.context, repository_id, name)
        return True

    @strawberry.mutation
    async def create_tag(
        self,
        info: Info,
        repository_id: strawberry.ID,
        name: str,
        commit_id: strawberry.ID,
        message: str | None = None,
    ) -> CommitTag:
        row = await repositories.create_tag(info.context, repository_id, name, commit_id, message)
        return await CommitTag.of(row, Wanted.of(info))

    @strawberry.mutation
    async def delete_tag(self, info: Info, repository_id: strawberry.ID, name: str) -> bool:
        await repositories.delete_tag(info.context, repository_id, name)
        return True

    @strawberry.mutation(description="By stem: what one side alone has changed is taken from it.")
    async def merge_branches(self, info: Info, input: MergeInput) -> MergeResult:
        result = await commits.merge(
            info.context,
            input.repository_id,
            input.source,
            input.target,
            source_repository_id=input.source_repository_id,
            message=input.message,
            resolutions=[(one.type, one.take) for one in input.resolutions or []],
            dry_run=bool(input.dry_run),
        )
        return await MergeResult.of(result, Wanted.of(info))

    @strawberry.mutation(
        description="What the head's stem has that the base's has not, and the other way round, as sound: the"
        " one less the other, as a job with one output, `audio`. What was made before is answered at once."
    )
    async def render_stem_diff(
        self,
        info: Info,
        base_id: strawberry.ID,
        head_id: strawberry.ID,
        type: StemType,
        options: JobOptions | None = None,
    ) -> Job:
        wishes = DomainOptions() if options is None else options.to_domain()
        row = await commits.render_stem_diff(info.context, base_id, head_id, type, wishes)
        return await Job.of(row, Wanted.of(info))

    @strawberry.mutation(
        description="A new commit that takes back what that one did; of a merge, beside its first parent."
    )
    async def revert_commit(self, info: Info, id: strawberry.ID, branch: str) -> Commit:
        return await Commit.of(await commits.revert(info.context, id, branch), Wanted.of(info))
