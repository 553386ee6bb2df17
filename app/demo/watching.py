"""Following a job of the demo until its end: what it shows, and that it ends with the demo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.demo.api import Api
from app.demo.errors import DemoError
from app.demo.progress import Progress

CANCEL_SECONDS = 3.0

WATCH = """subscription Watch($id: ID!, $after: String) {
  jobUpdates(id: $id, after: $after) {
    cursor status progress stage message
    job { etaSeconds error { message } }
  }
}"""
CANCEL = "mutation Cancel($id: ID!) { cancelJob(id: $id) { id } }"


async def completed(api: Api, job: str, what: str, progress: Progress) -> None:
    """Show every update until the job has ended; `what` is the noun of its sentences. Raises DemoError.

    Whoever stops the demo meanwhile stops the job as well: a stop of the server would wait for it.
    """
    async with _cancelled_unless_ended(api, job):
        await _watched(api, job, what, progress)


async def _watched(api: Api, job: str, what: str, progress: Progress) -> None:
    async for update in api.updates(WATCH, "jobUpdates", id=job):
        progress.show(
            update["progress"], update["stage"] or "", update["message"] or "", update["job"]["etaSeconds"]
        )
        match update["status"]:
            case "COMPLETED":
                return
            case "FAILED":
                error = update["job"]["error"] or {"message": "no reason was given"}
                raise DemoError(f"The {what} failed: {error['message']}")
            case "CANCELLED":
                raise DemoError(f"The {what} was cancelled.")
    raise DemoError(f"The server stopped telling about the {what} before its end.")


@asynccontextmanager
async def _cancelled_unless_ended(api: Api, job: str) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        with suppress(DemoError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await api.run(CANCEL, id=job)
        raise
