"""A full disk of the server, in the domain's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import StorageFull

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turns what the system says of a full disk into StorageFull; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("The disk of the server is full") from error
        raise
