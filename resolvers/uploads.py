"""A file that a request brought, lying whole on the local disk until the operation that uses it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Upload:
    """`filename` and `content_type` are what the client claims; nothing is decided by them."""

    path: Path
    filename: str
    content_type: str
    size: int  # bytes
    sha256: str
