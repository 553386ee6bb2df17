"""What was heard in audio, by the hash of its content: once, whoever uploaded it and however often."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from db import sql


class AudioAnalysis(Model):
    sha256 = fields.CharField(max_length=64, primary_key=True)
    version = fields.IntField()  # of the code that listened
    facts: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "audio_analyses"
        constraints = (CheckConstraint("version > 0", "audio_analyses_version_positive"),)


_KEEP = """
INSERT INTO audio_analyses (sha256, version, facts, created_at) VALUES ($1, $2, $3::jsonb, now())
ON CONFLICT (sha256) DO UPDATE
SET version = excluded.version, facts = excluded.facts, created_at = excluded.created_at
WHERE audio_analyses.version <= excluded.version"""


async def keep(sha256: str, version: int, facts: Mapping[str, Any]) -> None:
    """A newer version's answer stays, whatever an older worker has heard meanwhile."""
    await sql.rows(_KEEP, sha256, version, orjson.dumps(dict(facts)).decode())


async def of_contents(hashes: Collection[str], version: int) -> dict[str, AudioAnalysis]:
    """Those there are, of that version, by content hash: one query, for loaders."""
    rows = await AudioAnalysis.filter(sha256__in=list(hashes), version=version)
    return {row.sha256: row for row in rows}


async def forget(sha256: str) -> None:
    await AudioAnalysis.filter(sha256=sha256).delete()


_FORGET_UNUSED = """
DELETE FROM audio_analyses AS heard WHERE created_at < now() - $1 * interval '1 second' AND (
  version < $2 OR NOT EXISTS (SELECT 1 FROM assets WHERE assets.sha256 = heard.sha256))
RETURNING sha256"""


async def forget_unused(older_than_seconds: float, version: int) -> int:
    """Remove those whose content is gone, and those of versions that nothing reads any more; their number."""
    return len(await sql.rows(_FORGET_UNUSED, older_than_seconds, version))
