"""What an exception of a run means: a crash, a failure that may be tried again, or one that may not.

What the row says is a sentence for the owner: never a path, a traceback or text of a library.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from domain import errors
from render import errors as media
from workers.children import ChildDied, ChildrenDoNotStart, ChildTimeout

_MAY_PASS = (
    errors.StorageFull,
    errors.TimedOut,
    errors.Unavailable,
    errors.ProviderFailed,
    errors.RateLimited,
)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
UNEXPECTED = "The job failed unexpectedly"


@dataclass(frozen=True)
class Failure:
    code: str
    message: str
    may_retry: bool = False
    is_crash: bool = False


STALLED = "There was no progress for {seconds:g} s"
_FULL = Failure("STORAGE_FULL", "There is no room left to store the result", may_retry=True)


def judge(error: BaseException) -> Failure:
    """The failure that stands for an exception of a handler."""
    match error:
        case ChildDied():
            return Failure("WORKER_LOST", "The process that ran the job was lost", is_crash=True)
        case ChildTimeout():
            return Failure("TIMEOUT", "A step of the job took too long", may_retry=True)
        case ChildrenDoNotStart():
            return Failure("UNAVAILABLE", "The processes that do the work cannot be started", may_retry=True)
        case media.StorageFull():
            return _FULL
        case media.UnsupportedMedia():
            return Failure("UNSUPPORTED_MEDIA", error.sentence)
        case media.ModelUnusable() | media.ModelAway():
            return Failure("PROVIDER_ERROR", error.sentence, may_retry=isinstance(error, media.ModelAway))
        case media.RenderError():
            return Failure("BAD_USER_INPUT", error.sentence)
        case errors.StorageFull():
            return _FULL
        case errors.StarlingError():
            return Failure(error.code, error.message, may_retry=isinstance(error, _MAY_PASS))
        case OSError() if error.errno in _NO_SPACE:
            return _FULL
    return Failure("INTERNAL", UNEXPECTED, may_retry=True)
