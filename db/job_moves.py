# ruff: noqa: S608 - the statements are put together from the constants of this file only
"""The moves of a claimed or waiting job: each one statement, by the database's clock only.

Every statement names the state that it expects, and the epoch where a worker speaks for its own claim;
no row back means that the move was not ours to make. Each writes its change into `job_events` in the
same statement, so a watcher who reads the log misses nothing; one that ends a job with a callback URL also
writes what that is to be told. The pure form of these rules, which the
tests hold this module to, is `domain.jobs.protocol`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from db import sql
from db.jobs import Job
from db.webhooks import TOLD

# A job in progress whose name is last among those begun.
_PRESENT_STAGE = """(SELECT s->>'name' FROM jsonb_array_elements(moved.stages) WITH ORDINALITY AS e(s, i)
  WHERE s->>'status' <> 'PENDING' ORDER BY i DESC LIMIT 1)"""

LOGGED = f"""logged AS (
  INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, stage, message, at)
  SELECT pg_current_xact_id()::text::bigint, id, owner_id, version, epoch, state, progress,
    {_PRESENT_STAGE}, message, updated_at FROM moved)"""

_FRESH_STAGES = """(SELECT jsonb_agg(jsonb_build_object('name', s->'name', 'status', 'PENDING', 'progress', 0,
  'message', NULL, 'started_at', NULL, 'completed_at', NULL, 'error', NULL) ORDER BY i)
  FROM jsonb_array_elements(jobs.stages) WITH ORDINALITY AS e(s, i))"""

_COMPLETED_STAGES = """(SELECT jsonb_agg(s || jsonb_build_object('status', 'COMPLETED', 'progress', 100,
  'started_at', COALESCE(NULLIF(s->'started_at', 'null'), to_jsonb(now())),
  'completed_at', COALESCE(NULLIF(s->'completed_at', 'null'), to_jsonb(now()))) ORDER BY i)
  FROM jsonb_array_elements(jobs.stages) WITH ORDINALITY AS e(s, i))"""


def _left_stages(state: str, error: str) -> str:
    """The stages of a job that leaves PROCESSING for `state`: the one that ran shares its fate."""
    return f"""(SELECT jsonb_agg(CASE WHEN s->>'status' = 'PROCESSING' THEN s || jsonb_build_object(
      'status', {state},
      'completed_at', CASE WHEN {state} = 'PENDING' THEN NULL ELSE to_jsonb(now()) END,
      'error', CASE WHEN {state} = 'FAILED' THEN {error} END) ELSE s END ORDER BY i)
      FROM jsonb_array_elements(jobs.stages) WITH ORDINALITY AS e(s, i))"""


def _closed(outcome: str, error: str = "NULL::jsonb") -> str:
    """Close the attempt that the move ends. The epoch of a moved row is still that attempt's."""
    return f"""closed AS (
      UPDATE job_attempts a SET ended_at = now(), outcome = {outcome}, error = {error} FROM moved
      WHERE a.job_id = moved.id AND a.epoch = moved.epoch AND a.ended_at IS NULL)"""


def _left(state: str, error: str, *, run_at: str, attempt: str, message: str, extra: str = "") -> str:
    """The SET list of every way out of PROCESSING but completion. Expressions see the old row."""
    return f"""state = {state}, version = version + 1, updated_at = now(), lease_until = NULL, worker = NULL,
      attempt = {attempt}, run_at = {run_at}, queue_at = {run_at} - priority * interval '5 minutes',
      dispatched_at = NULL, eta_seconds = NULL, message = {message}, stages = {_left_stages(state, error)},
      error = CASE WHEN {state} = 'FAILED' THEN {error} END,
      completed_at = CASE WHEN {state} = 'PENDING' THEN NULL ELSE now() END{extra}"""


async def run_move(statement: str, values: Sequence[Any]) -> list[Job]:
    """Run one statement in the connection (or transaction) of this task; the rows that it moved."""
    return await sql.objects(Job, statement, *values)


async def _move_one(statement: str, values: Sequence[Any]) -> Job | None:
    moved = await run_move(statement, values)
    return moved[0] if moved else None


_CLAIM = f"""
WITH due AS (
  SELECT id FROM jobs WHERE state = 'PENDING' AND run_at <= now() AND kind = ANY($2::text[])
    AND (params->>'model_hash' IS NULL OR params->>'model_hash' = ANY($4::text[]))
  ORDER BY queue_at LIMIT 1 FOR UPDATE SKIP LOCKED),
moved AS (
  UPDATE jobs SET state = 'PROCESSING', epoch = epoch + 1, attempt = attempt + 1, version = version + 1,
    worker = $1, lease_until = now() + $3 * interval '1 second', started_at = now(), updated_at = now(),
    progress = 0, message = NULL, eta_seconds = NULL, stages = {_FRESH_STAGES}
  FROM due WHERE jobs.id = due.id AND state = 'PENDING' RETURNING jobs.*),
opened AS (
  INSERT INTO job_attempts (job_id, epoch, attempt, worker, started_at)
  SELECT id, epoch, attempt, worker, now() FROM moved),
{LOGGED}
SELECT * FROM moved"""


async def claim(
    worker: str, kinds: Sequence[str], lease_seconds: float, models: Sequence[str] = ()
) -> Job | None:
    """Take the best due job of these kinds: by priority, then by age, each level worth five minutes.

    One that was accepted for a trained model is left alone but by who has it, one of `models` by its hash:
    an attempt of another could only fail.
    """
    return await _move_one(_CLAIM, [worker, list(kinds), lease_seconds, list(models)])


_BEAT = """
WITH beaten AS (
  UPDATE jobs SET lease_until = now() + $3 * interval '1 second'
  WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING cancel_requested_at)
SELECT cancel_requested_at IS NOT NULL AS cancelled FROM beaten"""


async def beat(job_id: UUID, epoch: int, lease_seconds: float) -> bool | None:
    """Extend the lease. Whether a cancel is asked for; None where the lease is lost."""
    rows = await sql.rows(_BEAT, job_id, epoch, lease_seconds)
    return bool(rows[0]["cancelled"]) if rows else None


_REPORT = f"""
WITH moved AS (
  UPDATE jobs SET lease_until = now() + $3 * interval '1 second', version = version + 1, updated_at = now(),
    progress = GREATEST(progress, $4), message = $5, stages = $6::jsonb, eta_seconds = $7
  WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING *),
{LOGGED}
SELECT * FROM moved"""


async def report(
    job_id: UUID,
    epoch: int,
    lease_seconds: float,
    *,
    progress: float,
    message: str | None,
    stages: list[dict[str, Any]],
    eta_seconds: float | None,
) -> Job | None:
    """Write progress (0..100, never falling within an epoch) and extend the lease. None: it is lost."""
    values = [job_id, epoch, lease_seconds, progress, message, orjson.dumps(stages).decode(), eta_seconds]
    return await _move_one(_REPORT, values)


_COMPLETE = f"""
WITH moved AS (
  UPDATE jobs SET state = 'COMPLETED', version = version + 1, updated_at = now(), completed_at = now(),
    lease_until = NULL, progress = 100, message = NULL, eta_seconds = NULL, error = NULL,
    stages = {_COMPLETED_STAGES}, result = $3::jsonb, cost_usd = $4
  WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING *),
{_closed("'COMPLETED'")},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def complete(job_id: UUID, epoch: int, *, result: dict[str, Any] | None, cost_usd: float) -> Job | None:
    """Settle as COMPLETED. Called in a transaction with the result's rows; None there means: roll back."""
    values = [job_id, epoch, None if result is None else orjson.dumps(result).decode(), cost_usd]
    return await _move_one(_COMPLETE, values)


_TELL_MORE = """
UPDATE jobs SET result = COALESCE(result, '{}'::jsonb) || $3::jsonb
WHERE id = $1 AND state = 'COMPLETED' AND epoch = $2 RETURNING *"""


async def tell_more(job_id: UUID, epoch: int, more: Mapping[str, Any]) -> Job | None:
    """Add to the result within the transaction that completed the job: nobody has seen it yet."""
    return await _move_one(_TELL_MORE, [job_id, epoch, orjson.dumps(dict(more)).decode()])


_FAIL_STATE = """CASE WHEN cancel_requested_at IS NOT NULL THEN 'CANCELLED'
  WHEN $5 AND attempt < max_attempts THEN 'PENDING' ELSE 'FAILED' END"""
_GIVEN_ERROR = "jsonb_build_object('code', $3::text, 'message', $4::text)"
_FAIL_SET = _left(
    _FAIL_STATE,
    _GIVEN_ERROR,
    run_at="now() + $6 * interval '1 second'",
    attempt="attempt",
    message=f"CASE ({_FAIL_STATE}) WHEN 'PENDING' THEN 'Runs again: ' || $4::text END",
)
_FAILED_OUTCOME = "CASE moved.state WHEN 'PENDING' THEN 'RETRIED' ELSE moved.state END"
_FAIL = f"""
WITH moved AS (
  UPDATE jobs SET {_FAIL_SET} WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING *),
{_closed(_FAILED_OUTCOME, _GIVEN_ERROR)},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def fail(
    job_id: UUID, epoch: int, *, code: str, message: str, may_retry: bool, delay_seconds: float
) -> Job | None:
    """An attempt has failed: again after the delay if it may and attempts are left, else FAILED.

    A job that is to be cancelled becomes CANCELLED instead. None: the lease is lost.
    """
    return await _move_one(_FAIL, [job_id, epoch, code, message, may_retry, delay_seconds])


_CRASH_STATE = """CASE WHEN cancel_requested_at IS NOT NULL THEN 'CANCELLED'
  WHEN crashes + 1 >= {limit} THEN 'FAILED' ELSE 'PENDING' END"""
_LOST = """jsonb_build_object('code', 'WORKER_LOST',
  'message', 'The process that ran this job was lost ' || (crashes + 1) || ' times')"""


def _crashed(limit: str, delay: str) -> str:
    state = _CRASH_STATE.format(limit=limit)
    run_at = f"CASE WHEN crashes = 0 THEN run_at ELSE now() + {delay} * interval '1 second' END"
    message = f"CASE ({state}) WHEN 'PENDING' THEN 'Runs again: its process was lost' END"
    return _left(
        state,
        _LOST,
        run_at=f"({run_at})",
        attempt="attempt - 1",
        message=message,
        extra=", crashes = crashes + 1",
    )


_CRASH = f"""
WITH moved AS (
  UPDATE jobs SET {_crashed("$3", "$4")} WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING *),
{_closed("'LOST'")},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def crash(job_id: UUID, epoch: int, *, max_crashes: int, delay_seconds: float) -> Job | None:
    """The process that ran it died: again at once the first time, in its old place of the queue, then after
    the delay, at last FAILED.

    The attempt is given back. None: the lease is lost.
    """
    return await _move_one(_CRASH, [job_id, epoch, max_crashes, delay_seconds])


_REAP = f"""
WITH lapsed AS MATERIALIZED (
  SELECT id FROM jobs WHERE state = 'PROCESSING' AND lease_until < now()
  ORDER BY lease_until LIMIT 100 FOR UPDATE SKIP LOCKED),
moved AS (
  UPDATE jobs SET {_crashed("$1", "$2")} FROM lapsed
  WHERE jobs.id = lapsed.id AND state = 'PROCESSING' AND lease_until < now() RETURNING jobs.*),
{_closed("'LOST'")},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def reap(*, max_crashes: int, delay_seconds: float) -> list[Job]:
    """Count a crash for every lapsed lease, up to a hundred at a time."""
    return await run_move(_REAP, [max_crashes, delay_seconds])


_RELEASE_STATE = "CASE WHEN cancel_requested_at IS NOT NULL THEN 'CANCELLED' ELSE 'PENDING' END"
_RELEASE_SET = _left(
    _RELEASE_STATE,
    "NULL::jsonb",
    run_at="run_at",
    attempt="attempt - 1",
    message=f"CASE ({_RELEASE_STATE}) WHEN 'PENDING' THEN 'Runs again: its worker was stopped' END",
)
_RELEASE = f"""
WITH moved AS (
  UPDATE jobs SET {_RELEASE_SET} WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 RETURNING *),
{_closed("CASE moved.state WHEN 'PENDING' THEN 'RELEASED' ELSE moved.state END")},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def release(job_id: UUID, epoch: int) -> Job | None:
    """Give the job back, with its attempt and its place, as a worker that drains does. None: lost."""
    return await _move_one(_RELEASE, [job_id, epoch])


_STOP = f"""
WITH moved AS (
  UPDATE jobs SET {_left("'CANCELLED'", "NULL::jsonb", run_at="run_at", attempt="attempt", message="NULL")}
  WHERE id = $1 AND state = 'PROCESSING' AND epoch = $2 AND cancel_requested_at IS NOT NULL RETURNING *),
{_closed("'CANCELLED'")},
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def stop(job_id: UUID, epoch: int) -> Job | None:
    """Settle a job whose cancel was asked for as CANCELLED. None: not asked for, or the lease is lost."""
    return await _move_one(_STOP, [job_id, epoch])


_CANCEL = f"""
WITH moved AS (
  UPDATE jobs SET version = version + 1, updated_at = now(), cancel_requested_at = now(),
    state = CASE state WHEN 'PENDING' THEN 'CANCELLED' ELSE state END,
    completed_at = CASE state WHEN 'PENDING' THEN now() END,
    message = CASE state WHEN 'PENDING' THEN NULL ELSE message END
  WHERE id = $1 AND owner_id = $2
    AND (state = 'PENDING' OR (state = 'PROCESSING' AND cancel_requested_at IS NULL)) RETURNING *),
{LOGGED},
{TOLD}
SELECT * FROM moved"""


async def cancel(job_id: UUID, owner_id: UUID) -> Job | None:
    """Cancel a waiting job at once, or ask the worker of a running one to stop.

    None: not there, ended, or already asked for.
    """
    return await _move_one(_CANCEL, [job_id, owner_id])
