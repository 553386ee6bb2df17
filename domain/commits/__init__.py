"""Commits: what a repository sounded like, stem by stem, and how it came to.

A commit has a whole set of stems, of which those that did not change are the parent's own (`db.stems`). It is
never changed: history only grows, and what was done is taken back by a further commit.
"""

from __future__ import annotations

from db.commits import Commit
from db.stems import Stem
from domain.commits.comparing import CommitDiff, StemChange, StemDiff, common, diff
from domain.commits.making import NewCommit, create
from domain.commits.merging import Merge, MergeResult, MergeStatus, StemConflict, merge
from domain.commits.reading import (
    StemOf,
    at,
    everything,
    files,
    histories,
    shown_file,
    stem_sets,
    stems_of,
)
from domain.commits.reverting import revert
from domain.commits.stems import NewStem, StemType
from domain.commits.threeway import MergeSide
from domain.repositories.reading import commit as get

__all__ = [
    "Commit",
    "CommitDiff",
    "Merge",
    "MergeResult",
    "MergeSide",
    "MergeStatus",
    "NewCommit",
    "NewStem",
    "Stem",
    "StemChange",
    "StemConflict",
    "StemDiff",
    "StemOf",
    "StemType",
    "at",
    "common",
    "create",
    "diff",
    "everything",
    "files",
    "get",
    "histories",
    "merge",
    "revert",
    "shown_file",
    "stem_sets",
    "stems_of",
]
