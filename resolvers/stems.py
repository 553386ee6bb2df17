"""Stems: what GraphQL asks of them, in the domain's words."""

from __future__ import annotations

from db.jobs import Job
from domain import stems
from domain.jobs import JobOptions
from resolvers.context import Context
from resolvers.ids import required


async def separate(ctx: Context, audio_id: str, options: JobOptions) -> Job:
    wanted = required(audio_id, "Audio file", stems.FIELD)
    return await stems.separate(ctx.viewer, wanted, options, services=ctx.services)
