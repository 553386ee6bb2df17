"""The stages of a job, as they lie in its row: a list of dicts with the keys of `fresh`.

Overall progress is the weighted sum of the stages' own, in per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.jobs.kinds import Kind

Stages = list[dict[str, Any]]


def fresh(kind: Kind) -> Stages:
    """All stages waiting."""
    return [
        {
            "name": name,
            "status": "PENDING",
            "progress": 0.0,
            "message": None,
            "started_at": None,
            "completed_at": None,
            "error": None,
        }
        for name in kind.stages
    ]


def present(stages: Stages) -> str | None:
    """The name of the stage that was begun last; None before the first."""
    begun = [stage["name"] for stage in stages if stage["status"] != "PENDING"]
    return begun[-1] if begun else None


def overall(stages: Stages, shares: Sequence[float]) -> float:
    """0..100 from the stages' progress and their shares of the whole."""
    whole: float = sum(stage["progress"] * share for stage, share in zip(stages, shares, strict=True))
    return min(100.0, max(0.0, whole))


def eta_seconds(stages: Stages, shares: Sequence[float], stage_elapsed_seconds: float) -> float | None:
    """Seconds to the end, from the speed measured in the present stage; None while there is no speed.

    The stages after it are taken to go at the speed that their shares of the whole say.
    """
    running = [i for i, stage in enumerate(stages) if stage["status"] == "PROCESSING"]
    if not running or stage_elapsed_seconds < 0.3:
        return None
    index = running[-1]
    done = stages[index]["progress"] / 100.0
    if done < 0.005:
        return None
    stage_seconds: float = stage_elapsed_seconds / done
    left: float = 1.0 - done + sum(shares[index + 1 :]) / shares[index]
    return stage_seconds * left
