"""Hearing what became of a stem: what the head has less what the base has, as sound, made by a job.

Both begin together at their gains; the shorter one is followed by silence, and a side without the stem is
silence. A difference that is none, since both sides are the same, is refused: there is nothing to hear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from db.jobs import Job
from db.stems import Stem
from domain import jobs
from domain.accounts import Viewer
from domain.commits.reading import stem_sets
from domain.commits.rendering import ROLE, SUBJECT
from domain.commits.stems import StemType, is_same
from domain.errors import InvalidInput
from domain.jobs import STEM_DIFF, JobOptions, NewJob
from domain.particles.films import content_hash
from domain.ports import Services
from domain.repositories.reading import commit
from render.audio.mixing.version import MIX_VERSION


async def render_stem_diff(
    viewer: Viewer,
    base_id: UUID,
    head_id: UUID,
    type: StemType,
    options: JobOptions | None = None,
    *,
    services: Services,
) -> Job:
    """The job, whose output has the role `audio`; completed at once where the same was made before.

    Raises NotFound, InvalidInput where both commits have the same stem of that type or none, and as
    `jobs.submit`.
    """
    asked = _asked(base_id, head_id, type, options or JobOptions())
    if earlier := await jobs.remembered(viewer, [asked], services=services):
        return earlier[0]
    base, head = await commit(viewer, base_id, "base_id"), await commit(viewer, head_id, "head_id")
    sets = await stem_sets({base.stem_set_id, head.stem_set_id})
    before, after = sets[base.stem_set_id].get(type.value), sets[head.stem_set_id].get(type.value)
    if before is None and after is None:
        raise InvalidInput("type", f"neither commit has a {type.value} stem: there is nothing to hear")
    if is_same(before, after):
        raise InvalidInput("type", f"the {type.value} stem is the same in both: there is nothing to hear")
    return await jobs.submit(viewer, _job(asked, before, after), services=services)


def _asked(base_id: UUID, head_id: UUID, type: StemType, options: JobOptions) -> NewJob:
    """All that an idempotency key stands for. It has no inputs, which are the owner's own files: as long as
    the commits are there, so are theirs."""
    asked = {"base_id": str(base_id), "head_id": str(head_id), "type": type.value}
    name = f"{type.value.lower()} {head_id.hex[:8]} less {base_id.hex[:8]}.flac"
    return NewJob(
        kind=STEM_DIFF.name,
        params={**asked, "filenames": {ROLE: name}},
        subject_type=SUBJECT,
        subject_id=head_id,
        arguments=asked,
        options=options,
    )


def _job(asked: NewJob, before: Stem | None, after: Stem | None) -> NewJob:
    identity = {
        "kind": STEM_DIFF.name,
        "version": MIX_VERSION,
        "before": None if before is None else before.content,
        "after": None if after is None else after.content,
    }
    return replace(
        asked,
        params={**asked.params, "before": _side(before), "after": _side(after)},
        cache_key=content_hash(identity),
    )


def _side(stem: Stem | None) -> dict[str, Any] | None:
    return None if stem is None else {"asset_id": str(stem.asset_id), "gain": stem.gain}
