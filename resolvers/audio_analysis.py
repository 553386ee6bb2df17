"""What was heard in audio: what GraphQL asks of it, in the domain's words."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from domain import audio_analysis
from resolvers.context import Context
from resolvers.ids import required


async def analyze(ctx: Context, audio_id: str) -> AudioAnalysis:
    wanted = required(audio_id, "Asset", audio_analysis.FIELD)
    return await audio_analysis.analyze(ctx.viewer, wanted, services=ctx.services)


async def of_assets(ctx: Context, rows: Collection[Asset]) -> dict[UUID, AudioAnalysis]:
    """By the asset's id; those that were not analysed are left out."""
    hashes: dict[UUID, str | None] = {row.id: row.sha256 for row in rows}
    return await ctx.loaders.analyses.load_referred(hashes)
