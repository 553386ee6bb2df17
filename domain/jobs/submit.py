"""Submitting work: one transaction for the jobs and what they need, then a bell.

A bell that cannot be rung is no error: the sweep finds the row. An idempotency key is looked at before
anything else, and the rows of a batch share it: row i lies under (owner, key, i), and what the key
stands for is a hash of the whole batch's arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

import orjson

from db import job_rows
from db.jobs import Job
from domain import assets, webhooks
from domain.accounts import Viewer
from domain.errors import Conflict, InvalidInput, QuotaExceeded
from domain.jobs import cache, outputs, stages
from domain.jobs.announce import announce
from domain.jobs.kinds import kind_of
from domain.jobs.requests import JobOptions, NewJob
from domain.ports import Services, Webhooks

MAX_KEY_CHARACTERS = 255


async def submit(viewer: Viewer, new: NewJob, *, services: Services) -> Job:
    """One job; an earlier identical result answers at once (`cached`).

    Raises InvalidInput (kind, options), NotFound (an input that is not there), Conflict (the idempotency
    key with other arguments) and QuotaExceeded.
    """
    return (await submit_many(viewer, [new], services=services))[0]


async def submit_many(viewer: Viewer, batch: Sequence[NewJob], *, services: Services) -> list[Job]:
    """All or none, in order. One idempotency key, the first job's, stands for the whole batch."""
    if not batch:
        return []
    key = _checked(batch[0].options, services.webhooks).idempotency_key
    meaning = arguments_hash(batch)
    rows = [_row(viewer.id, new, index, key, meaning, services.webhooks) for index, new in enumerate(batch)]
    if key is not None:
        earlier = await _remembered(viewer.id, key, meaning)
        if earlier:
            return earlier
    answers = [await cache.lookup(new.cache_key, services) for new in batch]
    jobs = await _insert_all(viewer, rows, answers, services.limits.max_pending_jobs_per_owner)
    if jobs is None:
        return await _remembered(viewer.id, key or "", meaning)
    await ring(jobs, services)
    return jobs


async def remembered(viewer: Viewer, batch: Sequence[NewJob], *, services: Services) -> list[Job]:
    """The jobs that the batch's idempotency key stands for, empty where it is new: for who has to look at
    the world before he can say all of a job, and would refuse a repeat after the world has moved.

    Of each job only what a key stands for has to be there. Raises InvalidInput (options) and Conflict (the
    key with other arguments).
    """
    key = _checked(batch[0].options, services.webhooks).idempotency_key if batch else None
    if key is None:
        return []
    try:
        meaning = arguments_hash(batch)
    except orjson.JSONEncodeError:  # half a surrogate pair: was never accepted, and will be refused by name
        return []
    return await _remembered(viewer.id, key, meaning)


async def enter(owner_id: UUID, new: NewJob) -> Job:
    """A job within the transaction that is open, of work that nobody asked for by itself: it is part of
    something else. Whoever commits the transaction rings afterwards.

    No limit of waiting jobs applies to it (what it belongs to must not fail because of it), no earlier result
    answers it, and its inputs are not checked: who calls this keeps them.
    """
    job = await job_rows.insert(_row(owner_id, new, 0, None, arguments_hash([new]), None))
    assert job is not None  # no idempotency key, so nothing to collide with
    return job


async def ring(jobs: Sequence[Job], services: Services) -> None:
    """Tell the watchers, and a worker for each job that waits.

    The watchers first: a bell may take its time, and the worker that heard it tells of the claim meanwhile.
    """
    await announce(jobs, services)
    waiting = [job.id for job in jobs if job.state == "PENDING"]
    if waiting:
        await services.doorbell.ring(waiting)


def arguments_hash(batch: Sequence[NewJob]) -> str:
    """SHA-256 over the canonical JSON of what was asked for."""
    said = [
        {
            "kind": new.kind,
            "arguments": new.params if new.arguments is None else new.arguments,
            "inputs": [str(asset_id) for asset_id in new.inputs],
            "subject": [new.subject_type, None if new.subject_id is None else str(new.subject_id)],
            "priority": int(new.options.priority),
            "callback_url": new.options.callback_url,
        }
        for new in batch
    ]
    text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.sha256(text).hexdigest()


def _checked(options: JobOptions, told: Webhooks | None) -> JobOptions:
    key = options.idempotency_key
    if key is not None and not (1 <= len(key) <= MAX_KEY_CHARACTERS and "\0" not in key):
        raise InvalidInput("idempotencyKey", f"idempotencyKey must have 1 to {MAX_KEY_CHARACTERS} characters")
    if options.callback_url is not None:
        webhooks.checked(options.callback_url, told)
    return options


def _row(
    owner_id: UUID, new: NewJob, index: int, key: str | None, meaning: str, told: Webhooks | None
) -> job_rows.JobRow:
    kind = kind_of(new.kind)
    options = _checked(new.options, told)
    return job_rows.JobRow(
        kind=new.kind,
        owner_id=owner_id,
        params=dict(new.params),
        stages=stages.fresh(kind),
        max_attempts=kind.max_attempts,
        priority=int(options.priority),
        cache_key=new.cache_key,
        idempotency_key=key,
        idempotency_index=index,
        arguments_hash=meaning,
        subject_type=new.subject_type,
        subject_id=None if new.subject_id is None else str(new.subject_id),
        callback_url=options.callback_url,
        inputs=list(dict.fromkeys(new.inputs)),
    )


async def _remembered(owner_id: UUID, key: str, meaning: str) -> list[Job]:
    """The jobs that this key stands for; Conflict where it stands for something else."""
    jobs = await job_rows.by_idempotency_key(owner_id, key)
    if any(job.arguments_hash != meaning for job in jobs):
        raise Conflict(f"idempotencyKey {key!r} was used with other arguments", field="idempotencyKey")
    return jobs


async def _insert_all(
    viewer: Viewer,
    rows: Sequence[job_rows.JobRow],
    answers: Sequence[cache.Answer | None],
    max_pending: int,
) -> list[Job] | None:
    """The inserted jobs, or None where another submit took the key meanwhile."""
    jobs: list[Job] = []
    try:
        async with job_rows.IN_TRANSACTION():
            if wanted := {asset_id for row in rows for asset_id in row.inputs}:
                await assets.inputs(viewer, list(wanted))
            await check_quota(viewer.id, len(rows), max_pending)
            for row, answer in zip(rows, answers, strict=True):
                jobs.append(await _insert(row, answer))
    except _KeyTaken:
        return None
    return jobs


class _KeyTaken(Exception):
    """Ends the transaction of a submit that came second."""


async def _insert(row: job_rows.JobRow, answer: cache.Answer | None) -> Job:
    if answer is not None and await answer.holds():
        job = await job_rows.insert_completed(_all_stages_done(row), answer.result)
        if job is not None:
            await outputs.keep(job.id, row.owner_id, answer.named(row.params))
    else:
        job = await job_rows.insert(row)
    if job is None:
        raise _KeyTaken
    return job


def _all_stages_done(row: job_rows.JobRow) -> job_rows.JobRow:
    row.stages[:] = [{**stage, "status": "COMPLETED", "progress": 100.0} for stage in row.stages]
    return row


async def check_quota(owner_id: UUID, more: int, max_pending: int) -> None:
    """Raises QuotaExceeded where so many more jobs may not wait."""
    waiting = await job_rows.pending_up_to(owner_id, max_pending)
    if waiting + more > max_pending:
        raise QuotaExceeded(f"{max_pending} jobs may wait at once; wait for some to start or cancel them")
