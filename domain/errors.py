"""Everything that a use case can refuse, with the stable code that every face shows.

StarlingError            INTERNAL
├── InvalidInput         BAD_USER_INPUT     names the field
├── NotFound             NOT_FOUND
├── Conflict             CONFLICT
├── Unauthenticated      UNAUTHENTICATED
├── Forbidden            FORBIDDEN
├── RateLimited          RATE_LIMITED
├── QuotaExceeded        QUOTA_EXCEEDED
├── CostExceeded         COST_EXCEEDED
├── TooLarge             TOO_LARGE
├── UnsupportedMedia     UNSUPPORTED_MEDIA
├── TimedOut             TIMEOUT            names the job that goes on, if there is one
├── Unavailable          UNAVAILABLE
├── ProviderFailed       PROVIDER_ERROR
├── StorageFull          STORAGE_FULL
├── WorkerLost           WORKER_LOST
├── Cancelled            CANCELLED
└── MediaCrashed         INTERNAL           the child that read or drew media died of it
"""

from __future__ import annotations


class StarlingError(Exception):
    code = "INTERNAL"

    def __init__(self, message: str, *, field: str | None = None, job_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.job_id = job_id


class InvalidInput(StarlingError):
    code = "BAD_USER_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class NotFound(StarlingError):
    code = "NOT_FOUND"


class Conflict(StarlingError):
    code = "CONFLICT"


class Unauthenticated(StarlingError):
    code = "UNAUTHENTICATED"


class Forbidden(StarlingError):
    code = "FORBIDDEN"


class RateLimited(StarlingError):
    code = "RATE_LIMITED"


class QuotaExceeded(StarlingError):
    code = "QUOTA_EXCEEDED"


class CostExceeded(StarlingError):
    code = "COST_EXCEEDED"


class TooLarge(StarlingError):
    code = "TOO_LARGE"


class UnsupportedMedia(StarlingError):
    code = "UNSUPPORTED_MEDIA"


class TimedOut(StarlingError):
    code = "TIMEOUT"


class Unavailable(StarlingError):
    code = "UNAVAILABLE"


class ProviderFailed(StarlingError):
    code = "PROVIDER_ERROR"


class StorageFull(StarlingError):
    code = "STORAGE_FULL"


class WorkerLost(StarlingError):
    code = "WORKER_LOST"


class Cancelled(StarlingError):
    code = "CANCELLED"


class MediaCrashed(StarlingError):
    pass
