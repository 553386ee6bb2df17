"""Telling the outside that a job ended: one delivery a job, and its moves, by the database's clock only.

The row is inserted by the statement that ends the job (`TOLD`, part of every such move), so it exists if
and only if the end was committed, and it holds what it has to say: it outlives its job. A claim raises
the attempt, which is the fence of the try, and puts the delivery off for a lease: what a killed worker held
is due again when that is over, and no statement of an older try finds its row any more.
"""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.indexes import PostgreSQLIndex
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model


class WebhookDelivery(Model):
    """One call that says that one job ended. While a try is under way `due_at` is the end of its lease."""

    id = fields.UUIDField(primary_key=True)  # the same on each try: receivers tell repetitions by it
    job_id = fields.UUIDField()
    owner_id = fields.UUIDField()
    url = fields.TextField()
    host = fields.TextField()  # host and port as written: what must not take up all tries at once
    payload: Any = fields.JSONField()  # the job as it ended, but for its files
    state = fields.CharField(max_length=12, db_default="PENDING")
    attempt = fields.IntField(db_default=0)  # the fence: grows with each claim, never falls
    due_at = fields.DatetimeField()
    last_error = fields.CharField(max_length=100, null=True)  # a code, never what a receiver sent
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "webhook_deliveries"
        constraints = (
            UniqueConstraint(fields=("job_id",), name="webhook_deliveries_one_a_job"),
            CheckConstraint(
                "state IN ('PENDING', 'DELIVERED', 'GIVEN_UP')", "webhook_deliveries_state_known"
            ),
            CheckConstraint(
                "(state = 'PENDING') = (ended_at IS NULL)", "webhook_deliveries_ended_has_a_time"
            ),
            CheckConstraint("attempt >= 0", "webhook_deliveries_attempts_in_range"),
        )
        indexes = (
            PostgreSQLIndex(
                fields=("due_at",), name="webhook_deliveries_due", condition={"state": "PENDING"}
            ),
            Index(fields=("ended_at",), name="webhook_deliveries_by_end"),
        )
