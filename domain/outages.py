"""What a client is told while the database is away or its disk is full: that it will pass, and no more.

A fault of ours is INTERNAL; this is none, and a client that hears UNAVAILABLE or STORAGE_FULL may try again.
"""

from __future__ import annotations

from db.outages import KINDS, Outage, outage
from domain.errors import StarlingError, StorageFull, Unavailable

__all__ = ["KINDS", "refusal_of"]


def refusal_of(error: BaseException) -> StarlingError | None:
    """The refusal that stands for an outage of the database; None for any other error."""
    match outage(error):
        case Outage.FULL:
            return StorageFull("The disk of the database is full")
        case Outage.AWAY:
            return Unavailable("The database does not answer at this moment; try again soon")
    return None
