"""A GraphQL request that is refused before there is an operation: a status, a sentence, a code."""

from __future__ import annotations

from typing import Self

from domain.errors import StarlingError

_STATUS = {"TOO_LARGE": 413, "INTERNAL": 500, "STORAGE_FULL": 507, "UNAVAILABLE": 503, "TIMEOUT": 504}


class Refused(Exception):
    def __init__(
        self, status: int, message: str, *, code: str = "BAD_USER_INPUT", field: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.field = field

    @classmethod
    def by(cls, error: StarlingError) -> Self:
        return cls(status_of(error.code), error.message, code=error.code, field=error.field)

    def body(self) -> dict[str, object]:
        extensions = {"code": self.code} | ({} if self.field is None else {"field": self.field})
        return {"errors": [{"message": self.message, "extensions": extensions}]}


def status_of(code: str) -> int:
    return _STATUS.get(code, 400)
