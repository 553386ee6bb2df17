"""What the pages for people say is true: documents, settings, links, named tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from bench.readme import filled, settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = ["README.md", "docs/architecture.md"]


def test_its_graphql_is_that_of_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    documents = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    operations = [one for block in documents for one in re.split(r"\n\n", block.strip())]
    assert len(operations) == 4
    for operation in operations:
        assert validate(schema, parse(operation)) == [], operation


def test_its_settings_are_those_of_the_code() -> None:
    assert settings() in README


def test_its_figures_are_those_that_the_benches_left() -> None:
    assert filled(README) == README


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    local = [link for link in links if "://" not in link]
    assert local
    for link in local:
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_the_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "serve", "test"} <= named <= targets


def test_every_test_that_the_security_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "SECURITY.md").read_text())
    assert len(named) > 10
    for path, test in named:
        text = (ROOT / path).read_text()
        assert not test or f"def {test}(" in text, f"{path}::{test}"
