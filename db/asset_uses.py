"""Who refers to an asset: the one place that deletion, collection and retention ask.

A part that keeps references to assets registers them here, beside its table:

    register(Use("clips", "SELECT asset_id FROM clips"))

and takes an asset up with `db.assets.held_for_reading` in the transaction that writes the reference. Whoever
removes an asset locks its row first and asks here afterwards: one of the two comes first and the other sees
it, so no reference is left to what is gone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from db import sql


@dataclass(frozen=True)
class Use:
    """`asset_ids` is a SELECT of one column, `asset_id`: every asset that is referred to now.

    A use that `keeps_deleted` needs the row and the bytes although their owner has deleted the asset.
    """

    name: str
    asset_ids: str
    keeps_deleted: bool = False


USES: dict[str, Use] = {}


def register(use: Use) -> Use:
    USES[use.name] = use
    return use


def used_ids(*, only_keeping_deleted: bool = False) -> str:
    """SQL of all the assets in use; an asset may come more than once. `asset_id` is the one column."""
    chosen = [use for use in USES.values() if use.keeps_deleted or not only_keeping_deleted]
    return " UNION ALL ".join(f"({use.asset_ids})" for use in chosen)


async def in_use(ids: Collection[UUID], *, only_keeping_deleted: bool = False) -> set[UUID]:
    """Those of `ids` that something refers to."""
    if not ids:
        return set()
    used = used_ids(only_keeping_deleted=only_keeping_deleted)
    rows = await sql.rows(
        f"SELECT DISTINCT asset_id FROM ({used}) AS used WHERE asset_id = ANY($1::uuid[])",  # noqa: S608
        list(ids),
    )
    return {row["asset_id"] for row in rows}
