"""What a receiver is told. The fields are a promise to others: they may gain company, never change."""

from __future__ import annotations

from typing import Any

import orjson

from db import webhooks
from domain import assets
from domain.ports import Services

_FIELDS = (
    "job",
    "kind",
    "status",
    "progress",
    "error",
    "subject",
    "cached",
    "retryOf",
    "createdAt",
    "startedAt",
    "completedAt",
)


async def body(delivery: webhooks.Delivery, services: Services) -> bytes:
    """The JSON of one delivery: the job as it ended, with those of its files that are there now."""
    facts = delivery.payload
    data: dict[str, Any] = {name: facts[name] for name in _FIELDS}
    data["outputs"] = [
        {
            "role": role,
            "asset": str(asset.id),
            "url": assets.url(asset, services.public_url),
            "filename": asset.filename,
            "contentType": asset.content_type,
            "size": asset.size,
            "sha256": asset.sha256,
        }
        for role, asset in await webhooks.files_of(delivery)
    ]
    told = {"type": f"job.{facts['status'].lower()}", "timestamp": facts["completedAt"], "data": data}
    return orjson.dumps(told)
