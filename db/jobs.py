"""The job tables. The row is the job: its moves are statements in `db.job_moves`, its reads are here.

States: PENDING -> PROCESSING -> COMPLETED | FAILED | CANCELLED, and PROCESSING -> PENDING (retry,
release, reap). The CHECK constraints refuse every row that is not one of these.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.indexes import PostgreSQLIndex
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from db.asset_uses import Use, register


class Job(Model):
    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=32)  # vocabulary of the domain; an unknown one stays pending
    owner_id = fields.UUIDField()
    params: Any = fields.JSONField()
    state = fields.CharField(max_length=12, db_default="PENDING")
    priority = fields.SmallIntField(db_default=1)  # 0 low, 1 normal, 2 high
    run_at = fields.DatetimeField()
    queue_at = fields.DatetimeField()  # run_at less five minutes a priority level: the order of claims
    attempt = fields.IntField(db_default=0)
    max_attempts = fields.IntField(db_default=3)
    crashes = fields.IntField(db_default=0)
    epoch = fields.BigIntField(db_default=0)  # the fence: grows with each claim, never falls
    lease_until = fields.DatetimeField(null=True)
    worker = fields.CharField(max_length=100, null=True)
    dispatched_at = fields.DatetimeField(null=True)  # when a bell was rung for it last
    cancel_requested_at = fields.DatetimeField(null=True)
    retry_of = fields.UUIDField(null=True)
    from_stage = fields.CharField(max_length=40, null=True)  # where a retry by hand begins
    callback_url = fields.TextField(null=True)
    progress = fields.FloatField(db_default=0.0)  # 0..100
    message = fields.TextField(null=True)
    stages: Any = fields.JSONField()  # a list of what `domain.jobs.stages.fresh` makes
    eta_seconds = fields.FloatField(null=True)
    version = fields.BigIntField(db_default=1)  # grows with every change, for watchers
    result: Any = fields.JSONField(null=True)
    error: Any = fields.JSONField(null=True)  # {code, message}
    cost_usd = fields.FloatField(db_default=0.0)
    cached = fields.BooleanField(db_default=False)
    cache_key = fields.CharField(max_length=64, null=True)
    idempotency_key = fields.CharField(max_length=255, null=True)
    idempotency_index = fields.IntField(db_default=0)  # row i of a batch
    arguments_hash = fields.CharField(max_length=64, null=True)  # what the idempotency key stands for
    subject_type = fields.CharField(max_length=24, null=True)
    subject_id = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "jobs"
        constraints = (
            CheckConstraint(
                "state IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')",
                "jobs_state_known",
            ),
            CheckConstraint(
                "(state = 'PROCESSING') = (lease_until IS NOT NULL)", "jobs_leased_while_processing"
            ),
            CheckConstraint(
                "(state IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)",
                "jobs_ended_has_a_time",
            ),
            CheckConstraint("(state = 'FAILED') = (error IS NOT NULL)", "jobs_failed_says_why"),
            CheckConstraint("progress BETWEEN 0 AND 100", "jobs_progress_in_range"),
            CheckConstraint("attempt BETWEEN 0 AND max_attempts", "jobs_attempts_in_range"),
            CheckConstraint("priority BETWEEN 0 AND 2", "jobs_priority_known"),
            UniqueConstraint(
                fields=("owner_id", "idempotency_key", "idempotency_index"),
                name="jobs_one_for_a_key",
                condition="idempotency_key IS NOT NULL",
            ),
        )
        indexes = (
            Index(fields=("owner_id", "created_at", "id"), name="jobs_by_age"),
            Index(fields=("subject_type", "subject_id", "created_at"), name="jobs_by_subject"),
            Index(fields=("retry_of",), name="jobs_by_retry"),
            Index(fields=("cache_key",), name="jobs_by_cache_key"),
            Index(fields=("owner_id", "state"), name="jobs_by_state"),
            Index(fields=("owner_id", "completed_at"), name="jobs_by_end"),
            PostgreSQLIndex(fields=("queue_at",), name="jobs_due", condition={"state": "PENDING"}),
            PostgreSQLIndex(fields=("lease_until",), name="jobs_leased", condition={"state": "PROCESSING"}),
        )


class JobAttempt(Model):
    """One claim of one job, append-only but for its ending."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.UUIDField()
    epoch = fields.BigIntField()
    attempt = fields.IntField()
    worker = fields.CharField(max_length=100)
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(max_length=16, null=True)
    error: Any = fields.JSONField(null=True)

    class Meta:
        table = "job_attempts"
        constraints = (
            UniqueConstraint(fields=("job_id", "epoch"), name="job_attempts_one_an_epoch"),
            CheckConstraint(
                "outcome IS NULL OR outcome IN"
                " ('COMPLETED', 'FAILED', 'CANCELLED', 'RETRIED', 'RELEASED', 'LOST')",
                "job_attempts_outcome_known",
            ),
        )


class JobEvent(Model):
    """One change of one job, written in the transaction of the change.

    `xid` is the writing transaction: what a reader of all jobs has seen is said in these, since a transaction
    that began earlier may commit later (`db.job_events`).
    """

    position = fields.BigIntField(primary_key=True)
    xid = fields.BigIntField()
    job_id = fields.UUIDField()
    owner_id = fields.UUIDField()
    version = fields.BigIntField()
    epoch = fields.BigIntField()
    state = fields.CharField(max_length=12)
    progress = fields.FloatField()
    stage = fields.CharField(max_length=40, null=True)
    message = fields.TextField(null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "job_events"
        constraints = (UniqueConstraint(fields=("job_id", "version"), name="job_events_one_a_version"),)
        indexes = (Index(fields=("xid", "position"), name="job_events_in_order"),)


class JobInput(Model):
    """An asset that a job reads: its bytes stay until the job has ended."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.UUIDField()
    asset_id = fields.UUIDField()

    class Meta:
        table = "job_inputs"
        indexes = (
            Index(fields=("asset_id",), name="job_inputs_by_asset"),
            Index(fields=("job_id",), name="job_inputs_by_job"),
        )


register(
    Use(
        "what an unfinished job reads",
        "SELECT asset_id FROM job_inputs JOIN jobs ON jobs.id = job_id"
        " WHERE state IN ('PENDING', 'PROCESSING')",
        keeps_deleted=True,
    )
)


class JobOutput(Model):
    """An asset that a job made, with its role (video, audio, preview, a stem, ...)."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.UUIDField()
    asset_id = fields.UUIDField()
    role = fields.CharField(max_length=16)

    class Meta:
        table = "job_outputs"
        indexes = (
            Index(fields=("job_id",), name="job_outputs_by_job"),
            Index(fields=("asset_id",), name="job_outputs_by_asset"),
        )


class Worker(Model):
    """A live worker process: `/ready` and the queue's figures count those seen lately."""

    id = fields.CharField(max_length=100, primary_key=True)
    kinds: Any = fields.JSONField()
    slots = fields.IntField()
    started_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()
    tallies: Any = fields.JSONField(db_default={})  # what `db.worker_tallies` keeps of it

    class Meta:
        table = "workers"


class WorkerTotal(Model):
    """What workers that are gone have counted, by series: so that no total falls when a worker ends."""

    series = fields.CharField(max_length=255, primary_key=True)
    value = fields.FloatField()

    class Meta:
        table = "worker_totals"
