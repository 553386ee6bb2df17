"""docs/operations.md speaks of what there is."""

from __future__ import annotations

import re
from pathlib import Path

from app.metrics.exposition import shown
from app.metrics.families import OF_API, OF_WORKERS
from app.metrics.reading import FromDatabase, Reading
from app.metrics.siblings import Counted

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
OF_SAMPLES = re.compile(r"_(total|count|bucket|sum)$")


def families() -> dict[str, str]:
    """By name, without what a sample adds to it: the type."""
    reading = Reading(FromDatabase(queue={}, live_workers=[], totals={}, untold_ends=0), redis_is_up=True)
    return {OF_SAMPLES.sub("", family.name): family.type for family in shown(Counted({}, {}, 0.0), reading)}


def test_every_metric_on_the_page_exists_and_every_one_that_exists_is_on_it() -> None:
    named = {OF_SAMPLES.sub("", name) for name in re.findall(r"\bstarling_\w+", PAGE)}
    endings = tuple(OF_SAMPLES.sub("", f"_{ending}") for ending in re.findall(r"`_(\w+)`", PAGE))
    assert named - set(families()) == set()
    assert [ending for ending in endings if not any(name.endswith(ending) for name in families())] == []
    left = {name for name in set(families()) - named if not name.endswith(endings)}
    assert left == set()


def test_every_label_that_an_alert_asks_for_is_one_of_its_metric() -> None:
    labels = {family.name: family.labels for family in (*OF_API, *OF_WORKERS)}
    asked = re.findall(r"expr: .*?(starling_\w+)\{([^}]*)\}", PAGE.replace("expr: >\n", "expr: "))
    assert asked
    for name, matchers in asked:
        for label in re.findall(r"(\w+)!?=", matchers):
            assert label in labels[name.removesuffix("_count")], name


def test_names_follow_the_conventions_of_prometheus() -> None:
    for name, kind in families().items():
        assert re.fullmatch(r"starling_[a-z]+(_[a-z]+)*", name), name
        if kind == "histogram":
            assert name.endswith(("_seconds", "_frames_per_second")), name


def test_the_page_stays_a_page() -> None:
    assert len(PAGE.splitlines()) < 140
