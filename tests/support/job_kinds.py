"""Job kinds that only tests know, and their handlers.

Effects are lines in a file (`params["effects"]`), so that what happened twice is seen twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from domain.errors import InvalidInput
from domain.jobs import Kind, register
from workers.run import Handler, NewOutput, Run, Settlement

NOOP = register(Kind("TEST_NOOP", stages=("only",)))
STEPS = register(Kind("TEST_STEPS", stages=("first", "second", "third"), weights=(10.0, 80.0, 10.0)))
FAILS = register(Kind("TEST_FAILS", stages=("only",)))
STALLS = register(Kind("TEST_STALLS", stages=("only",), max_attempts=1, stall_seconds=1.0))
CHILD = register(Kind("TEST_CHILD", stages=("only",)))
CHILD_STALLS = register(Kind("TEST_CHILD_STALLS", stages=("only",), stall_seconds=2.0))


def _log(run: Run, word: str) -> None:
    if "effects" in run.params:
        _note(Path(run.params["effects"]), run, word)


def _note(path: Path, run: Run, word: str) -> None:
    with path.open("a") as file:
        file.write(f"{word} {run.job.id} {run.job.epoch} {os.getpid()} {time.time():.3f}\n")


async def noop(run: Run) -> Settlement:
    _log(run, "ran")
    return Settlement(result={"ok": True})


async def steps(run: Run) -> Settlement:
    """Each stage in ten steps of params["step"] seconds; a file if params["file"]."""
    _log(run, "began")
    for name in run.kind.stages:
        await run.stage(name, f"doing {name}")
        for percent in range(0, 101, 10):
            run.progress(percent)
            await asyncio.sleep(run.params.get("step", 0.01))
    outputs = []
    if "file" in run.params:
        path = run.scratch / "made.txt"
        path.write_text(f"{run.params['file']}")
        outputs.append(NewOutput("video", path, "film.mp4", "video/mp4", "VIDEO", duration=1.0))
    _log(run, "ended")
    return Settlement(result={"ok": True}, outputs=outputs)


async def fails(run: Run) -> Settlement:
    """Raises what params["how"] says, for the first params["times"] attempts."""
    _log(run, "ran")
    if run.job.attempt > run.params.get("times", 99):
        return Settlement(result={"attempt": run.job.attempt})
    if run.params["how"] == "input":
        raise InvalidInput("width", "width must be even")
    if run.params["how"] == "disk":
        raise OSError(28, "No space left on device", "/secret/path")
    raise RuntimeError(run.params.get("text", "a secret of /this/machine"))


async def stalls(run: Run) -> Settlement:
    """For a minute; or at once with a file, params["file"], if there is one."""
    await run.stage("only")
    if "file" in run.params:
        path = run.scratch / "made.txt"
        path.write_text(f"{run.params['file']}")
        return Settlement(outputs=[NewOutput("video", path, "film.mp4", "video/mp4", "VIDEO")])
    await asyncio.sleep(60)
    return Settlement()


async def child(run: Run) -> Settlement:
    """Calls params["function"] of `tests.support.child_work` in a child."""
    await run.stage(run.kind.stages[0])
    _log(run, "began")
    function = f"tests.support.child_work:{run.params['function']}"
    value = await run.child(function, *run.params.get("args", []))
    _log(run, "ended")
    return Settlement(result={"value": value})


def noted_film(path: Path) -> Handler:
    """Makes no film: "ran" in the file of effects."""

    async def film(run: Run) -> Settlement:
        await run.stage("render")
        _note(path, run, "ran")
        return Settlement(result={})

    return film


async def film_like(run: Run) -> Settlement:
    """A job of the product's own kind, which every API shows, that does as the handler in params["like"]."""
    return await {"noop": noop, "steps": steps, "fails": fails, "child": child}[run.params["like"]](run)


HANDLERS = {
    NOOP.name: noop,
    STEPS.name: steps,
    FAILS.name: fails,
    STALLS.name: stalls,
    CHILD.name: child,
    CHILD_STALLS.name: child,
}
