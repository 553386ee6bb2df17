"""A GraphQL request that is refused before there is an operation: a status, a sentence, a code."""

from __future__ import annotations


class Refused(Exception):
    def __init__(
        self, status: int, message: str, *, code: str = "BAD_USER_INPUT", field: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.field = field

    def body(self) -> dict[str, object]:
        extensions = {"code": self.code} | ({} if self.field is None else {"field": self.field})
        return {"errors": [{"message": self.message, "extensions": extensions}]}
