"""How watched jobs are shown: bars on a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.jobs_cli import words
from app.jobs_cli.screen import Screen, printable
from domain.jobs import ENDED, JobUpdate

STEP_PERCENT = 10.0
BAR = 24
DRAWN_A_SECOND = 8
LINES_AROUND = 3  # what the bars leave free of the terminal's height


class View(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, update: JobUpdate) -> None: ...

    def forget(self, job_id: UUID) -> None:
        """The job was removed."""
        ...

    def say(self, sentence: str) -> None:
        """Something about the watching itself."""
        ...


class Lines:
    """A line for each state, each stage and each tenth of the way; or, as JSON, for every change."""

    def __init__(self, out: Screen, errors: Screen, as_json: bool) -> None:
        self._out, self._errors, self._as_json = out, errors, as_json
        self._told: dict[UUID, tuple[str, str | None, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, update: JobUpdate) -> None:
        if self._as_json:
            self._out.raw(words.as_json(words.update_object(update)))
        elif self._is_news(update):
            at = update.at.astimezone().strftime("%H:%M:%S")
            self._out.tell(f"{at}  {words.short(update.job.id)}  {update.job.kind}  {described(update)}")

    def forget(self, job_id: UUID) -> None:
        self._told.pop(job_id, None)

    def say(self, sentence: str) -> None:
        self._errors.sentence(sentence)

    def _is_news(self, update: JobUpdate) -> bool:
        status, stage, percent = self._told.get(update.job.id, ("", None, 0.0))
        is_step = not percent <= update.progress < percent + STEP_PERCENT
        if (status, stage) == (update.status, update.stage) and not is_step:
            return False
        self._told[update.job.id] = (update.status, update.stage, update.progress)
        if update.status in ENDED:
            self.forget(update.job.id)
        return True


class Bars:
    """A bar for each job that has not ended, as many as the terminal is high; those that end become lines."""

    def __init__(self, out: Screen, idle: str) -> None:
        self._out, self._idle = out, idle
        self._updates: dict[UUID, JobUpdate] = {}
        self._live = Live(
            get_renderable=self._drawn,
            console=out,
            refresh_per_second=DRAWN_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, update: JobUpdate) -> None:
        if update.status in ENDED:
            self.forget(update.job.id)
            name = f"{words.short(update.job.id)}  {update.job.kind:<15}"
            self._out.tell(f"{name}  {described(update)}", words.STYLES[update.status])
        else:
            self._updates[update.job.id] = update

    def forget(self, job_id: UUID) -> None:
        self._updates.pop(job_id, None)

    def say(self, sentence: str) -> None:
        self._out.tell(sentence, "yellow")

    def _drawn(self) -> RenderableType:
        if not self._updates:
            return Text(self._idle, "dim")
        rows = max(1, self._out.size.height - LINES_AROUND)
        ordered = sorted(self._updates.values(), key=_place)
        table = Table.grid(padding=(0, 2, 0, 0))
        for update in ordered[:rows]:
            table.add_row(*_bar(update))
        hidden = len(ordered) - rows
        return Group(table, Text(f"and {hidden:,} more", "dim")) if hidden > 0 else table


def view_of(out: Screen, errors: Screen, *, as_json: bool, idle: str) -> View:
    if out.is_terminal and not out.is_dumb_terminal and not as_json:
        return Bars(out, idle)
    return Lines(out, errors, as_json)


def described(update: JobUpdate) -> str:
    """How far it is, or how it ended, in words."""
    if update.status in ENDED:
        took = words.ran_seconds(update.job)
        after = f" in {words.duration(took)}" if took is not None and update.status == "COMPLETED" else ""
        why = f" ({words.reason(update.job.error)})" if update.status == "FAILED" else ""
        return f"{update.status.lower()}{after}{why}"
    doing = ": ".join(part for part in (update.stage, update.message) if part)
    return f"{update.status.lower()}  {update.progress:.0f} %" + (f"  {doing}" if doing else "")


def _place(update: JobUpdate) -> tuple[bool, float, UUID]:
    """What runs before what waits, the oldest first."""
    return update.status == "PENDING", update.job.created_at.timestamp(), update.job.id


def _bar(update: JobUpdate) -> tuple[RenderableType, ...]:
    def cell(text: str, style: str = "") -> Text:
        return Text(printable(text), style, no_wrap=True, overflow="ellipsis")

    left = update.job.eta_seconds if update.status == "PROCESSING" else None
    doing = update.message or update.stage or ""
    return (
        cell(words.short(update.job.id)),
        cell(update.job.kind),
        ProgressBar(total=100.0, completed=update.progress, width=BAR),
        cell(f"{update.progress:>5.1f} %"),
        cell(doing if update.status == "PROCESSING" else doing or "waiting for a worker"),
        cell("" if left is None else f"{words.duration(left)} left", "dim"),
    )
