"""Puts the measured tables and the table of settings into the README: `python -m bench.readme`.

What stands between `<!-- bench NAME -->` and `<!-- end -->` is replaced by bench/results/NAME.md without its
title, so that no figure of the README is typed by hand.
"""

from __future__ import annotations

import re
from pathlib import Path

import app.settings
from bench.report import RESULTS

README = Path(__file__).resolve().parent.parent / "README.md"
PLACE = re.compile(r"<!-- (bench (\w+)|settings) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str) -> str:
    """The README with every place filled from what is measured and set now."""
    return PLACE.sub(lambda place: f"<!-- {place[1]} -->\n{_content(place[2])}\n<!-- end -->", text)


def _content(name: str | None) -> str:
    if name is None:
        return settings()
    report = RESULTS / f"{name}.md"
    return report.read_text().partition("\n\n")[2].strip() if report.exists() else ""


def settings() -> str:
    """The table of `app.settings`, with the names as code."""
    lines = [line for line in (app.settings.__doc__ or "").splitlines() if line.startswith("|")]
    return "\n".join(re.sub(r"\b([A-Z]+(?:_[A-Z]+)+|_[A-Z]+_MB)\b", r"`\1`", line) for line in lines)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
