"""Music that is generated: what GraphQL asks of it, in the domain's words."""

from __future__ import annotations

from collections.abc import Sequence

from db.jobs import Job
from domain import music
from domain.jobs import JobOptions
from domain.music import NewPiece
from resolvers.commits import COMMIT
from resolvers.context import Context
from resolvers.ids import required
from resolvers.repositories import REPOSITORY


def piece(
    prompt: str,
    *,
    bpm: float | None,
    mood: str | None,
    duration: float | None,
    key: str | None,
    seed: int | None,
    repository_id: str | None,
    branch: str | None,
    parent_commit_id: str | None,
) -> NewPiece:
    """Raises NotFound for what can be no id."""
    repository = None if repository_id is None else required(repository_id, REPOSITORY, "repository_id")
    parent = None if parent_commit_id is None else required(parent_commit_id, COMMIT, "parent_commit_id")
    return NewPiece(prompt, bpm, mood, duration, key, seed, repository, branch, parent)


async def generate(ctx: Context, wanted: NewPiece, options: JobOptions) -> Job:
    return await music.generate(ctx.viewer, wanted, options, services=ctx.services)


async def follow(ctx: Context, audio_id: str, wanted: NewPiece, options: JobOptions) -> Job:
    """A piece that follows the recording."""
    audio = required(audio_id, "Audio file", "audio_id")
    return await music.follow(ctx.viewer, audio, wanted, options, services=ctx.services)


async def generate_batch(ctx: Context, wanted: Sequence[NewPiece], options: JobOptions) -> list[Job]:
    return await music.generate_batch(ctx.viewer, wanted, options, services=ctx.services)
