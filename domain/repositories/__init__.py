"""Repositories of music: whose they are, their branches and tags, forks, and who follows them.

A repository is private or public; its owner alone changes it. What is in it (commits, stems, merges) is
`domain.commits`, which builds on this package.
"""

from __future__ import annotations

from db.branches import Branch, CommitTag
from db.repositories import Repository
from domain.repositories.branches import BranchChanges, create_branch, delete_branch, update_branch
from domain.repositories.changing import Changes, create, delete, update
from domain.repositories.forking import fork
from domain.repositories.reading import branches_of, by_ids, get, page, tags_of
from domain.repositories.tags import create_tag, delete_tag
from domain.repositories.updates import following, opening, watch

__all__ = [
    "Branch",
    "BranchChanges",
    "Changes",
    "CommitTag",
    "Repository",
    "branches_of",
    "by_ids",
    "create",
    "create_branch",
    "create_tag",
    "delete",
    "delete_branch",
    "delete_tag",
    "following",
    "fork",
    "get",
    "opening",
    "page",
    "tags_of",
    "update",
    "update_branch",
    "watch",
]
