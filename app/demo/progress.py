"""What the person at the terminal sees: a live bar, or plain lines where nobody looks at a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

STEP_PERCENT = 10.0
STAGES = {
    "features": "Listening to the song",
    "render": "Drawing and encoding",
    "compose": "Composing the song",
    "publish": "Storing the files",
}


class Progress:
    """The steps in words, the render in per cent. `began` is on the monotonic clock, in seconds.

    On a terminal there is one bar that moves; elsewhere each step and each tenth of the way is a line.
    """

    def __init__(self, stream: TextIO) -> None:
        self.began = time.monotonic()
        self._console = Console(file=stream, highlight=False)
        self._live = stream.isatty()
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description:<22}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>5.1f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[remark]}", style="dim", markup=False),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bars.add_task("", total=100.0, remark="")
        self._told = ("", -STEP_PERCENT)

    @classmethod
    @contextmanager
    def on(cls, stream: TextIO) -> Iterator[Progress]:
        progress = cls(stream)
        with progress._bars:
            yield progress

    def say(self, step: str) -> None:
        """A step that has no measure."""
        self._bars.update(self._task, description=step, remark="")
        if not self._live:
            self._line(step)

    def show(self, percent: float, stage: str, message: str, eta_seconds: float | None) -> None:
        """How far a job is: 0..100, which stage it is in, and how long it will take on."""
        step = STAGES.get(stage, stage or "Waiting for a worker")
        left = "" if eta_seconds is None else f"{eta_seconds:.0f} s left"
        told = "" if message.lower() == step.lower() else message
        remark = ", ".join(part for part in (told, left) if part)
        self._bars.update(self._task, completed=percent, description=step, remark=remark)
        if not self._live and (step != self._told[0] or percent >= self._told[1] + STEP_PERCENT):
            self._told = (step, percent)
            self._line(f"{step}: {percent:.0f} %" + (f" ({remark})" if remark else ""))

    def _line(self, text: str) -> None:
        elapsed = time.monotonic() - self.began
        self._console.print(f"{elapsed:6.1f} s  {text}", markup=False, soft_wrap=True)
