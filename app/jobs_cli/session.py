"""What every action is given."""

from __future__ import annotations

from dataclasses import dataclass

from app.jobs_cli.screen import Screen
from db.sql import is_of_database, is_refusal
from domain.accounts import Viewer
from domain.ports import Services


@dataclass(frozen=True)
class Session:
    viewer: Viewer
    services: Services
    out: Screen
    errors: Screen


def is_outage(error: BaseException) -> bool:
    """Whether the database is away, which may pass."""
    return is_of_database(error) and not is_refusal(error)
