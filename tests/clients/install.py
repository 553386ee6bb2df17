"""Fetch the clients that tests run, as the lock pins them: `python -m tests.clients.install`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.pages.install import npm_command

HERE = Path(__file__).resolve().parent


def main() -> int:
    return subprocess.run([*npm_command(), "ci", "--loglevel=error"], cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
