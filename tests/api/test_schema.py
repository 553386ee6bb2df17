"""The snapshot of the schema is true, and its vocabulary is the domain's."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLEnumType, GraphQLUnionType, build_schema

from domain.jobs.kinds import VOCABULARY
from schema.build import sdl

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_snapshot_is_what_the_code_says() -> None:
    """After a change: `starling schema > schema.graphql`."""
    assert (ROOT / "schema.graphql").read_text() == f"{sdl()}\n"


def test_job_kinds_are_the_vocabulary_of_the_domain() -> None:
    kinds = build_schema(sdl()).type_map["JobKind"]
    assert isinstance(kinds, GraphQLEnumType)
    assert set(kinds.values) == VOCABULARY


def test_what_a_job_is_about() -> None:
    subject = build_schema(sdl()).type_map["JobSubject"]
    assert isinstance(subject, GraphQLUnionType)
    assert [member.name for member in subject.types] == ["ParticleSystem", "Commit"]
