"""The command `starling` in a process that also knows the kinds of jobs that only tests have."""

from __future__ import annotations

from app.cli import main
from tests.support import job_kinds

assert job_kinds.HANDLERS

if __name__ == "__main__":
    main()
