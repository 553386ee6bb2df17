"""The result cache: an identical job that was answered before answers again, while its files are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from db import job_outputs
from db.assets import Asset
from domain.assets import NewAsset
from domain.ports import Services


@dataclass(frozen=True)
class Answer:
    """An earlier result: its JSON, and (role, asset) of the files to refer to again."""

    result: dict[str, Any] | None
    outputs: list[tuple[str, NewAsset]]

    def named(self, params: Mapping[str, Any]) -> list[tuple[str, NewAsset]]:
        """The outputs, under the names that this caller asked for, not the first one's.

        The film's is `filename`; what else there is has its names in `filenames`, by role.
        """
        names = dict(params.get("filenames") or {})
        if params.get("filename") is not None:
            names["video"] = params["filename"]
        return [
            (role, replace(asset, filename=names[role]) if role in names else asset)
            for role, asset in self.outputs
        ]

    async def holds(self) -> bool:
        """Whether it can still be given; its files then stay until the transaction ends."""
        return await job_outputs.hold_keys([asset.key for _, asset in self.outputs])


async def lookup(cache_key: str | None, services: Services) -> Answer | None:
    """The newest earlier answer whose files all exist, in the database and as bytes."""
    if cache_key is None:
        return None
    for job, outputs in await job_outputs.answers(cache_key):
        if all([await services.files.exists(asset.key) for _, asset in outputs]):
            return Answer(job.result, [(role, _again(asset)) for role, asset in outputs])
    return None


def _again(asset: Asset) -> NewAsset:
    return NewAsset(**{field.name: getattr(asset, field.name) for field in fields(NewAsset)})
