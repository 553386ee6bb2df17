"""What a commit sounds like as a whole: its render, and the portraits of its stems.

The render belongs to the set of stems and not to the commit: whoever has the set, in a fork, in a merge or in
a later commit that changes the tempo alone, has its render, and has it as soon as it is there. So a set is
mixed once, and a fork asks for nothing. A commit that came with a mix of its own shows that one.

Its file's name says the set alone, since forks hand it out: the name of a repository may be private.

The job is entered in the transaction that makes the commit. It is no reason for a commit to fail, so no limit
of waiting jobs applies, and it has low priority: what somebody asked for by itself goes first. It names the
set and not the files; a set that is gone when its turn comes, with the repository, is nothing to do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from db import job_outputs
from db import stems as rows
from db.assets import Asset
from db.commits import Commit
from db.jobs import Job
from db.stems import Stem
from domain import jobs, portraits
from domain.commits.reading import files, stem_sets
from domain.jobs import COMMIT_RENDER, JobOptions, NewJob, Priority
from domain.particles.films import content_hash
from domain.ports import Services
from render.audio.mixing.version import MIX_VERSION
from render.audio.portraits.likeness import PORTRAIT_VERSION

log = logging.getLogger(__name__)

SUBJECT = "Commit"
ROLE = "audio"


@dataclass(frozen=True)
class Wanted:
    """What a set of stems lacks: its mix, or else only that its stems are listened to."""

    set_id: UUID
    is_to_mix: bool
    cache_key: str


def kept_render(stem_set_id: UUID, *others: Commit | None) -> UUID | None:
    """The mix that one of the others came with, if a new commit with that set sounds exactly like it."""
    alike = (one.render_id for one in others if one is not None and one.stem_set_id == stem_set_id)
    return next((render_id for render_id in alike if render_id is not None), None)


async def ask(commit: Commit, stems: Mapping[str, Stem]) -> Job | None:
    """Enter the job that a new commit needs, in the transaction that makes it, which holds its set of stems.

    None for a commit without stems, for one that has a mix (its own or its set's) and whose stems were all
    listened to, and where the author's job for that is there already.
    """
    lacking = await wanted(commit.stem_set_id, stems, is_to_mix=commit.render_id is None)
    if lacking is None or await rows.is_asked_for(lacking.set_id, lacking.cache_key, commit.author_id):
        return None
    return await enter(commit.id, commit.author_id, lacking)


async def wanted(set_id: UUID, stems: Mapping[str, Stem], *, is_to_mix: bool) -> Wanted | None:
    """What a held set with these stems lacks; `is_to_mix` if some commit would show its render."""
    if not stems:
        return None
    is_to_mix = is_to_mix and not await rows.has_render(set_id)
    if not (is_to_mix or await _unheard(stems.values())):
        return None
    return Wanted(set_id, is_to_mix, _cache_key(stems.values(), is_to_mix))


async def enter(commit_id: UUID, owner_id: UUID, wanted: Wanted) -> Job:
    """The job, about that commit, in the transaction that holds the set."""
    new = NewJob(
        kind=COMMIT_RENDER.name,
        params={
            "commit_id": str(commit_id),
            "stem_set_id": str(wanted.set_id),
            "is_to_mix": wanted.is_to_mix,
            "filenames": {ROLE: f"render {wanted.set_id.hex[:8]}.flac"},
        },
        subject_type=SUBJECT,
        subject_id=commit_id,
        cache_key=wanted.cache_key,
        options=JobOptions(priority=Priority.LOW),
    )
    return await jobs.enter(owner_id, new)


async def ring(job: Job | None, *, services: Services) -> None:
    """Tell a worker of the job that a commit needs, once the commit is there. Raises nothing: whoever made
    the commit would make it again, and a bell that is not rung only delays, since the sweep finds the row."""
    if job is None:
        return
    try:
        await jobs.ring([job], services)
    except Exception as error:
        log.warning("job %s: nobody was told of it: %s", job.id, error or type(error).__name__)


async def to_mix(stem_set_id: UUID) -> list[tuple[Stem, Asset]]:
    """The stems of a set with their files, whoever's they are; none where the set is gone."""
    stems = (await stem_sets([stem_set_id]))[stem_set_id]
    found = await files({stem.asset_id for stem in stems.values()})
    return [(stem, found[stem.asset_id]) for stem in stems.values() if stem.asset_id in found]


async def keep(job: Job) -> bool:
    """Make the file that a job put out its set's render, in the transaction that settles it; False where the
    set is gone. A render that is there already stays."""
    made = [asset for _, role, asset in await job_outputs.outputs_of([job.id]) if role == ROLE]
    return await rows.keep_render(UUID(job.params["stem_set_id"]), made[0].id)


async def _unheard(stems: Iterable[Stem]) -> bool:
    found = await files({stem.asset_id for stem in stems})
    return bool(await portraits.lacking({file.sha256 for file in found.values()}))


def _cache_key(stems: Iterable[Stem], is_to_mix: bool) -> str:
    """Of all that the render depends on: the stems' bytes and gains, whoever's files they are."""
    return content_hash(
        {
            "kind": COMMIT_RENDER.name,
            "version": MIX_VERSION if is_to_mix else PORTRAIT_VERSION,
            "is_to_mix": is_to_mix,
            "stems": sorted(stem.content for stem in stems),
        }
    )
