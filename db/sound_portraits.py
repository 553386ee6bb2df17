"""What sounds are like, by the hash of their content: once, whoever has them (`render.audio.portraits`)."""

from __future__ import annotations

from collections.abc import Collection

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from db import sql


class SoundPortrait(Model):
    sha256 = fields.CharField(max_length=64, primary_key=True)
    version = fields.IntField()  # of the code that listened
    loudness_lufs = fields.FloatField(null=True)  # null for silence
    cells = fields.BinaryField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "sound_portraits"
        constraints = (CheckConstraint("version > 0", "sound_portraits_version_positive"),)


_KEEP = """
INSERT INTO sound_portraits (sha256, version, loudness_lufs, cells, created_at)
VALUES ($1, $2, $3::float8, $4, now())
ON CONFLICT (sha256) DO UPDATE SET version = excluded.version, loudness_lufs = excluded.loudness_lufs,
  cells = excluded.cells, created_at = excluded.created_at
WHERE sound_portraits.version <= excluded.version"""


async def keep(sha256: str, version: int, loudness_lufs: float | None, cells: bytes) -> None:
    """A newer version's stays, whatever an older worker has heard meanwhile."""
    await sql.rows(_KEEP, sha256, version, loudness_lufs, cells)


_KNOWN = "SELECT sha256 FROM sound_portraits WHERE sha256 = ANY($1::text[]) AND version = $2"


async def known(hashes: Collection[str], version: int) -> set[str]:
    """Those of the contents that have one of that version."""
    return {row["sha256"] for row in await sql.rows(_KNOWN, list(hashes), version)}


async def of_contents(hashes: Collection[str], version: int) -> dict[str, SoundPortrait]:
    """Those there are, of that version, by content hash: one query, for loaders."""
    rows = await SoundPortrait.filter(sha256__in=list(hashes), version=version)
    return {row.sha256: row for row in rows}


async def forget(sha256: str) -> None:
    await SoundPortrait.filter(sha256=sha256).delete()


_FORGET_UNUSED = """
DELETE FROM sound_portraits AS heard WHERE created_at < now() - $1 * interval '1 second' AND (
  version < $2 OR NOT EXISTS (SELECT 1 FROM assets WHERE assets.sha256 = heard.sha256))
RETURNING sha256"""


async def forget_unused(older_than_seconds: float, version: int) -> int:
    """Remove those whose content is gone, and those of versions that nothing reads any more; their number."""
    return len(await sql.rows(_FORGET_UNUSED, older_than_seconds, version))
