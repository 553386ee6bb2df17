"""Every figure of the README: `python -m bench`, or `python -m bench --full` as the README has it.

The short way (some 20 minutes on two cores) uses shorter clips; the full one takes about two hours. Each
part runs in a process of its own and leaves bench/results/NAME.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORT = {
    "render": ("--seconds", "10", "--high", "3"),
    "drawing": ("--seconds", "4"),
    "peers": ("--seconds", "4", "--pairs", "3"),
    "speed": ("--seconds", "20", "--runs", "3"),
    "memory": ("--short", "5", "--long", "20"),
    "analysis": ("--pairs", "3", "--tracks", "27"),
    "hearing": ("--seconds", "25"),
    "composition": ("--seconds", "20", "--runs", "1"),
    "humming": ("--tunes", "2", "--pairs", "1"),
    "serving": ("--seconds", "20", "--starts", "3"),
    "jobs": ("--jobs", "1000", "--rounds", "1", "--starts", "40"),
    "pages": ("--rounds", "3", "--seconds", "2"),
    "stored_pages": ("--rounds", "3", "--seconds", "3"),
    "fanout": ("--seconds", "6", "--rounds", "1"),
    "history": ("--rounds", "5"),
    "separation": ("--songs", "4", "--seconds", "15", "--short", "30", "--long", "120"),
}
FULL: dict[str, tuple[str, ...]] = {
    "render": (),
    "drawing": (),
    "peers": (),
    "speed": (),
    "memory": ("--long", "600"),
    "analysis": (),
    "hearing": (),
    "composition": (),
    "humming": (),
    "serving": (),
    "jobs": (),
    "pages": (),
    "stored_pages": (),
    "fanout": (),
    "history": (),
    "separation": (),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="clips of 30 s, memory over 10 minutes")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(SHORT)} (default: all)")
    chosen = parser.parse_args()
    plan = FULL if chosen.full else SHORT
    unknown = set(chosen.parts) - set(plan)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    failed = [
        name
        for name, arguments in plan.items()
        if name in (chosen.parts or plan)
        and subprocess.run(
            [sys.executable, "-m", f"bench.{name}", *arguments], cwd=ROOT, check=False
        ).returncode
    ]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
