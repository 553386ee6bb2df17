"""`starling jobs show`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.jobs_cli import words
from app.jobs_cli.screen import Screen, printable
from app.jobs_cli.session import Session
from db.jobs import Job, JobAttempt
from domain import assets, jobs
from domain.jobs import Output

BAR = 24


async def show_job(session: Session, arguments: Namespace) -> int:
    job = await jobs.by_prefix(session.viewer, arguments.id)
    attempts = await jobs.attempts_of(session.viewer, job.id)
    outputs = (await jobs.outputs_for([job.id]))[job.id]
    retried_by = (await jobs.retried_by_for([job.id])).get(job.id)
    if arguments.json:
        session.out.raw(words.as_json(words.whole_object(job, attempts, outputs, retried_by)))
        return 0
    session.out.tell(f"Job {job.id}", "bold")
    facts = _grid()
    for name, value in _facts(job, retried_by):
        facts.add_row(Text(name, "dim"), _text(value, words.STYLES.get(value, "")))
    session.out.show(facts)
    _section(session.out, "Stages", _stages(job, session.out))
    _section(session.out, "Attempts", _attempts(attempts))
    _section(session.out, "Files", _outputs(outputs))
    return 0


def _facts(job: Job, retried_by: UUID | None) -> list[tuple[str, str]]:
    subject = "" if job.subject_id is None else f"{job.subject_type} {job.subject_id}"
    took = words.ran_seconds(job)
    facts = [
        ("kind", job.kind),
        ("status", job.state),
        ("error", words.reason(job.error)),
        ("message", job.message or ""),
        ("progress", f"{job.progress:.1f} %"),
        ("left", "" if job.eta_seconds is None else words.duration(job.eta_seconds)),
        ("cancel", "was asked for" if job.cancel_requested_at and job.completed_at is None else ""),
        ("answered", "from an earlier identical job" if job.cached else ""),
        ("subject", subject),
        ("worker", job.worker or ""),
        ("attempts", f"{job.attempt} of {job.max_attempts}"),
        ("crashes", str(job.crashes) if job.crashes else ""),
        ("created", words.moment(job.created_at)),
        ("started", "" if job.started_at is None else words.moment(job.started_at)),
        ("ended", "" if job.completed_at is None else words.moment(job.completed_at)),
        ("took", "" if took is None else words.duration(took)),
        ("retry of", str(job.retry_of or "")),
        ("retried by", str(retried_by or "")),
    ]
    return [(name, value) for name, value in facts if value]


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))


def _section(out: Screen, title: str, table: Table) -> None:
    if table.row_count:
        out.tell(title, "bold")
        out.show(table)


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)


def _stages(job: Job, out: Screen) -> Table:
    table = _grid()
    for stage in job.stages:
        bar = ProgressBar(total=100.0, completed=stage["progress"], width=BAR) if out.is_terminal else ""
        table.add_row(
            _text(f"  {stage['name']}"),
            bar,
            _text(f"{stage['progress']:.0f} %"),
            _text(stage["status"], words.STYLES[stage["status"]]),
            _text(_stage_time(stage)),
            _text(stage["error"]["message"] if stage["error"] else stage["message"] or ""),
        )
    return table


def _stage_time(stage: dict[str, Any]) -> str:
    if not stage["started_at"] or not stage["completed_at"]:
        return ""
    began, ended = (datetime.fromisoformat(stage[name]) for name in ("started_at", "completed_at"))
    return words.duration((ended - began).total_seconds())


def _attempts(attempts: Sequence[JobAttempt]) -> Table:
    table = _grid()
    for one in attempts:
        took = None if one.ended_at is None else (one.ended_at - one.started_at).total_seconds()
        outcome = one.outcome or "RUNNING"
        table.add_row(
            _text(f"  {one.attempt}"),
            _text(words.moment(one.started_at)),
            _text("" if took is None else words.duration(took)),
            _text(outcome, words.STYLES.get(outcome, "cyan")),
            _text(one.worker, "dim"),
            _text(words.reason(one.error)),
        )
    return table


def _outputs(outputs: Sequence[Output]) -> Table:
    table = _grid()
    for output in outputs:
        asset = output.asset
        table.add_row(
            _text(f"  {output.role}"),
            _text(asset.filename),
            _text(words.size(asset.size)),
            _text(assets.url(asset), "dim"),
        )
    return table
