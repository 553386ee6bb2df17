"""Merging by stem: a type that only one side has changed is that side's, one that both have changed in the
same way is theirs both, and one that they have changed differently is a conflict. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from db.stems import TYPES, Stem
from domain.commits.stems import is_same


class MergeSide(StrEnum):
    OURS = "OURS"
    THEIRS = "THEIRS"
    MIX = "MIX"


@dataclass(frozen=True)
class Merged:
    """The stems that a merge has by type, the types in conflict that no resolution settles, and ours and
    theirs of those that are to be mixed."""

    stems: dict[str, Stem] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    mixes: dict[str, tuple[Stem, Stem]] = field(default_factory=dict)


def merged(
    base: Mapping[str, Stem],
    ours: Mapping[str, Stem],
    theirs: Mapping[str, Stem],
    resolutions: Mapping[str, MergeSide],
) -> Merged:
    """Where only one side has a stem that is to be mixed, it is taken as it is: nothing is beside it."""
    result = Merged()
    for type in TYPES:
        was, our, their = base.get(type), ours.get(type), theirs.get(type)
        if is_same(our, their) or is_same(was, their):
            taken = our
        elif is_same(was, our):
            taken = their
        elif resolutions.get(type) is MergeSide.MIX:
            if our is not None and their is not None:
                result.mixes[type] = our, their
                continue
            taken = our or their
        elif type in resolutions:
            taken = our if resolutions[type] is MergeSide.OURS else their
        else:
            result.conflicts.append(type)
            continue
        if taken is not None:
            result.stems[type] = taken
    return result


Value = TypeVar("Value")


def merged_value(base: Value, ours: Value, theirs: Value) -> Value:
    """Of a figure such as the tempo: ours, unless theirs alone has changed."""
    return theirs if ours == base else ours
