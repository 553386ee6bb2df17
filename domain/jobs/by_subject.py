"""The jobs of many subjects at once, for lists of subjects that show their newest jobs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import job_pages
from db.jobs import Job
from domain.accounts import Viewer
from domain.jobs.kinds import VOCABULARY
from domain.pages import Page, checked_first, decode_cursor


async def pages_by_subject(
    viewer: Viewer,
    subject_type: str,
    subject_ids: Sequence[UUID],
    *,
    first: int,
    after: str | None,
    is_counted: bool = True,
) -> dict[UUID, Page[Job]]:
    """A page for each subject, newest first: one query, and one for the totals. Raises as `page` does."""
    size = checked_first(first)
    key = decode_cursor(after)
    place = None if key is None else (key.created_at, key.id)
    kinds = sorted(VOCABULARY)
    names = [str(subject_id) for subject_id in subject_ids]
    rows = await job_pages.pages_by_subject(viewer.id, subject_type, names, kinds, place, size + 1)
    totals: dict[str, int] = {}
    if is_counted:
        totals = await job_pages.totals_by_subject(viewer.id, subject_type, names, kinds)
    return {
        subject_id: Page(
            rows[name][:size],
            has_next=len(rows[name]) > size,
            has_previous=key is not None,
            total=totals.get(name, 0) if is_counted else None,
        )
        for subject_id, name in zip(subject_ids, names, strict=True)
    }
