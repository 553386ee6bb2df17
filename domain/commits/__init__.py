"""Commits: what a repository sounded like, stem by stem, and how it came to.

A commit has a whole set of stems, of which those that did not change are the parent's own (`db.stems`). It is
never changed: history only grows, and what was done is taken back by a further commit.
"""

from __future__ import annotations

from db.commits import Commit
from db.stems import Stem
from domain.commits.comparing import CommitDiff, Heard, StemChange, StemDiff, common, diff, heard
from domain.commits.healing import heal
from domain.commits.making import NewCommit, create
from domain.commits.merging import Merge, MergeResult, MergeStatus, StemConflict, merge
from domain.commits.reading import (
    StemOf,
    at,
    by_ids,
    everything,
    files,
    histories,
    mix_of,
    mixes,
    render_of,
    shown_file,
    stem_sets,
    stems_of,
)
from domain.commits.rendering import SUBJECT
from domain.commits.reverting import revert
from domain.commits.sounding import render_stem_diff
from domain.commits.stems import NewStem, StemType
from domain.commits.threeway import MergeSide
from domain.repositories.reading import commit as get

__all__ = [
    "Commit",
    "CommitDiff",
    "Heard",
    "Merge",
    "MergeResult",
    "MergeSide",
    "MergeStatus",
    "NewCommit",
    "NewStem",
    "SUBJECT",
    "Stem",
    "StemChange",
    "StemConflict",
    "StemDiff",
    "StemOf",
    "StemType",
    "at",
    "by_ids",
    "common",
    "create",
    "diff",
    "everything",
    "files",
    "get",
    "heal",
    "heard",
    "histories",
    "merge",
    "mix_of",
    "mixes",
    "render_of",
    "render_stem_diff",
    "revert",
    "shown_file",
    "stem_sets",
    "stems_of",
]
