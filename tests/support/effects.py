"""Effects of jobs as lines in a file, so that what happened twice is seen twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Effect:
    """One line: what was done, by which claim of which job, in which process, when (Unix seconds)."""

    word: str
    job_id: str
    epoch: int
    pid: int
    at: float


@dataclass(frozen=True)
class Effects:
    """The file; its path goes into `params["effects"]` of a job."""

    path: Path

    def all(self) -> list[Effect]:
        if not self.path.exists():
            return []
        return [_parsed(line) for line in self.path.read_text().splitlines()]

    def jobs(self, word: str) -> list[str]:
        """The jobs that left this word, in order, each as often as it did."""
        return [effect.job_id for effect in self.all() if effect.word == word]


def _parsed(line: str) -> Effect:
    word, job_id, epoch, pid, at = line.split()
    return Effect(word, job_id, int(epoch), int(pid), float(at))
