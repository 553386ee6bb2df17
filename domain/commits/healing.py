"""Asking again for the renders and portraits that commits lack.

A commit asks once, when it is made. What was committed before there were renders asked never, what failed
asked in vain, and a fork or a merge asks for nothing of its own. So a round looks at all sets of stems that
are in use, a page at a time, and enters the job that a new commit would have entered.
"""

from __future__ import annotations

from uuid import UUID

from db import lacking_renders as rows
from db.jobs import Job
from db.lacking_renders import Lacking
from db.repositories import IN_TRANSACTION
from domain.commits import rendering
from domain.commits.reading import stem_sets
from domain.ports import Services
from render.audio.portraits.likeness import PORTRAIT_VERSION

PAGE = 100
MOST_ENTERED = 2_000  # jobs of one round: what is left comes with the next
PAUSE_SECONDS = 7 * 86_400.0  # after a job that ended, in whatever way, before the set is tried again
_FIRST = UUID(int=0)


async def heal(services: Services) -> int:
    """How many jobs were entered."""
    entered, after = 0, _FIRST
    while entered < MOST_ENTERED:
        found = await rows.page(after, PORTRAIT_VERSION, min(PAGE, MOST_ENTERED - entered))
        if not found:
            break
        for lacking in found:
            job = await _entered(lacking)
            await rendering.ring(job, services=services)
            entered += job is not None
        after = found[-1].set_id
    return entered


async def _entered(lacking: Lacking) -> Job | None:
    """None where somebody has seen to it meanwhile, or recently without success."""
    async with IN_TRANSACTION():
        if not await rows.hold(lacking.set_id):
            return None
        stems = (await stem_sets([lacking.set_id]))[lacking.set_id]
        wanted = await rendering.wanted(lacking.set_id, stems, is_to_mix=lacking.is_to_mix)
        if wanted is None or await rows.is_seen_to(lacking.set_id, wanted.cache_key, PAUSE_SECONDS):
            return None
        return await rendering.enter(lacking.commit_id, lacking.owner_id, wanted)
