"""To which request, operation or job the present work belongs: ids that every log line of it carries.

    with belonging_to(job_id=str(job.id)):
        ...  # and every task that is begun here

A task takes the ids of whoever began it, so a task that serves many (the keeper of a child process, the
listener on Redis) is to be begun in a context of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})
_IDS: ContextVar[Mapping[str, str]] = ContextVar("belonging", default=_NONE)


@contextmanager
def belonging_to(**ids: str) -> Iterator[None]:
    """Until the block ends, beside what the work around it belongs to."""
    token = _IDS.set({**_IDS.get(), **ids})
    try:
        yield
    finally:
        _IDS.reset(token)


@contextmanager
def belonging_to_nobody() -> Iterator[None]:
    """Until the block ends: for a task that is begun in it and will serve many."""
    token = _IDS.set(_NONE)
    try:
        yield
    finally:
        _IDS.reset(token)


def present_ids() -> Mapping[str, str]:
    """By name: request_id, operation_id, job_id."""
    return _IDS.get()
