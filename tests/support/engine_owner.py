"""Own a home's engines in a process of its own: `python -m tests.support.engine_owner HOME [UID]`.

One JSON line says how it went; the engines stop when standard input ends. With UID the process, started by
root, becomes that ordinary user by itself: the interpreter may lie behind a closed folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from pathlib import Path

from app.engines import EngineError, Home, open_engines

PR_SET_DUMPABLE = 4


def become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # As a program has it that was started by this user: its own entries in /proc are its own again.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def main() -> int:
    if len(sys.argv) > 2:
        become(int(sys.argv[2]))
    began = time.monotonic()
    try:
        with open_engines(Home(Path(sys.argv[1]))) as engines:
            assert engines.postgres is not None
            assert engines.redis is not None
            assert engines.postgres.process is not None
            assert engines.redis.process is not None
            line = {
                "seconds": time.monotonic() - began,
                "database_url": engines.addresses.database_url,
                "redis_url": engines.addresses.redis_url,
                "identity": engines.postgres.identity.name,
                "data": str(engines.postgres.data),
                "installation": str(engines.postgres.installation),
                "postgres": engines.postgres.process.pid,
                "redis": engines.redis.process.pid,
            }
            print(json.dumps(line), flush=True)
            sys.stdin.read()
    except EngineError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
