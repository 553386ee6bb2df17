"""Jobs with a callback URL, and what became of their deliveries."""

from __future__ import annotations

import asyncio
from typing import Any

from db import sql
from db.jobs import Job
from domain.jobs import JobOptions
from domain.ports import Services
from tests.support.job_world import ended, submitted


def told(url: str) -> JobOptions:
    return JobOptions(callback_url=url)


async def over(number: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
    """The rows, once so many deliveries are over."""
    async with asyncio.timeout(seconds):
        while True:
            rows = await sql.rows("SELECT * FROM webhook_deliveries WHERE state <> 'PENDING'")
            if len(rows) >= number:
                return rows
            await asyncio.sleep(0.02)


async def ran(services: Services, url: str, kind: str = "TEST_NOOP", **params: Any) -> Job:
    """A job with this callback URL that has ended."""
    job = await submitted(services, kind, options=told(url), **params)
    return await ended(job.id)
