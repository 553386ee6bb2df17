"""What `bench.pages` asks for: the operations, and the rows behind them as plain JSON.

The operation of a page is one of the product's own schema too: `bench.stored_pages` asks it of the real API.
Fractions, and moments of whole milliseconds that are no whole seconds, are written alike by Python and Node.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

JOBS = 50
FILES = 1_000
STAGES = ("analyze", "render", "encode", "store")
BEGAN = datetime(2026, 1, 31, 12, 0, 0, 125_000, tzinfo=UTC)

PAGE = """{
  jobs(first: 50) {
    nodes {
      id kind status priority progress message attempts maxAttempts costUsd etaSeconds cached
      createdAt startedAt updatedAt completedAt
      stages { name status progress message startedAt completedAt error { code message } }
      outputs { role asset { id kind filename contentType size duration width height createdAt } }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}"""
ROWS = "{ files { id kind filename size createdAt } }"
SMALL = "{ hello }"


def rows() -> dict[str, Any]:
    """`jobs` is a page of them, `files` a list."""
    return {
        "jobs": {
            "nodes": [_job(number) for number in range(JOBS)],
            "pageInfo": {"hasNextPage": True, "endCursor": "MjAyNi0wMS0zMVQxMjowMDowMFo"},
            "totalCount": 12_345,
        },
        "files": [_file(number) for number in range(FILES)],
    }


def _job(number: int) -> dict[str, Any]:
    began = BEGAN - timedelta(minutes=number)
    return {
        "id": _id(number),
        "kind": "PARTICLE_RENDER",
        "status": "COMPLETED" if number else "PROCESSING",
        "priority": "NORMAL",
        "progress": 62.5,
        "message": None if number % 2 else f"Frame {number} of 5400",
        "attempts": 1,
        "maxAttempts": 3,
        "costUsd": 0.25,
        "etaSeconds": None if number else 41.75,
        "cached": number % 5 == 0,
        "createdAt": began.isoformat(),
        "startedAt": (began + timedelta(milliseconds=150)).isoformat(),
        "updatedAt": (began + timedelta(seconds=95)).isoformat(),
        "completedAt": (began + timedelta(seconds=95)).isoformat() if number else None,
        "stages": [_stage(name, began + timedelta(seconds=20 * i)) for i, name in enumerate(STAGES)],
        "outputs": [
            {"role": "video", "asset": _file(2 * number)},
            {"role": "preview", "asset": _file(2 * number + 1)},
        ],
    }


def _stage(name: str, began: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "status": "COMPLETED",
        "progress": 99.5,
        "message": f"{name} is done",
        "startedAt": began.isoformat(),
        "completedAt": (began + timedelta(seconds=20)).isoformat(),
        "error": None,
    }


def _file(number: int) -> dict[str, Any]:
    return {
        "id": _id(10_000 + number),
        "kind": "IMAGE" if number % 2 else "VIDEO",
        "filename": f"film {number}.mp4",
        "contentType": "video/mp4",
        "size": 40_000_000 + number,
        "duration": 180.25,
        "width": 1920,
        "height": 1080,
        "createdAt": (BEGAN + timedelta(seconds=number)).isoformat(),
    }


def _id(number: int) -> str:
    return str(UUID(int=0x018D_0000_0000_7000_8000_0000_0000_0000 + number))
