"""Two commits side by side, and two branches made one."""

from collections.abc import Sequence
from typing import Self

import strawberry

from domain import commits as domain
from domain.commits import MergeSide, MergeStatus, StemChange, StemOf, StemType
from resolvers import commits
from schema.columns import Columns, loaded
from schema.commits import Commit, Stem
from schema.lookahead import Wanted

strawberry.enum(StemChange, name="StemChange", description="What became of a stem.")
strawberry.enum(
    MergeStatus,
    name="MergeStatus",
    description="FAST_FORWARD: the branch moved, without a commit of its own. UP_TO_DATE: there was nothing.",
)
strawberry.enum(
    MergeSide,
    name="MergeSide",
    description="Whose stem is taken. MIX makes a new one of both, each at half its amplitude.",
)


@strawberry.type(description="What became of one stem between two commits.")
class StemDiff:
    type: StemType
    change: StemChange
    before: Stem | None
    after: Stem | None
    loudness_delta_db: float | None = strawberry.field(
        description="How much louder the head's is (integrated loudness, at its gain). Null where one of them"
        " is missing or silent, and until the COMMIT_RENDER jobs of both commits have listened to them."
    )
    similarity: float | None = strawberry.field(
        description="How alike both sound at their gains, 0 to 1: of the loudness over time and pitch that"
        " either has, the part that both have. Null where one of them is missing, and until the COMMIT_RENDER"
        " jobs of both commits have listened to them."
    )


@strawberry.type(description="How two commits differ: head beside base.")
class CommitDiff:
    base: Commit
    head: Commit
    bpm_delta: float | None = strawberry.field(description="Null where one of them has no tempo.")
    key_changed: bool
    stems: list[StemDiff]
    merge_base: Commit | None = strawberry.field(
        description="The newest commit that both come from, as the base's repository has it."
    )

    @classmethod
    async def of(cls, diff: domain.CommitDiff, wanted: Wanted) -> Self:
        columns: Columns = {
            "bpm_delta": lambda row: row.bpm_delta,
            "key_changed": lambda row: row.key_changed,
            **await loaded(_commit("base", diff.base, wanted), "base"),
            **await loaded(_commit("head", diff.head, wanted), "head"),
            **await loaded(_merge_base(diff, wanted), "merge_base"),
            **await loaded(_stem_diffs(diff.stems, wanted), "stems"),
        }
        return wanted.maker(cls, columns)(diff)


async def _commit(name: str, row: domain.Commit | None, wanted: Wanted) -> Columns:
    """A column that is that one commit."""
    if name not in wanted:
        return {}
    found = None if row is None else await Commit.of(row, wanted.below(name))
    return {name: lambda _: found}


async def _merge_base(diff: domain.CommitDiff, wanted: Wanted) -> Columns:
    if "merge_base" not in wanted:
        return {}
    return await _commit("merge_base", await commits.merge_base(diff), wanted)


async def _stem_diffs(stems: Sequence[domain.StemDiff], wanted: Wanted) -> Columns:
    if "stems" not in wanted:
        return {}
    below = wanted.below("stems")
    columns: Columns = {
        "type": lambda row: row.type,
        "change": lambda row: row.change,
        **await _stem("before", [one.before for one in stems], below),
        **await _stem("after", [one.after for one in stems], below),
        **await loaded(_heard(stems, below), "loudness_delta_db", "similarity"),
    }
    make = below.maker(StemDiff, columns)
    return {"stems": lambda _: [make(one) for one in stems]}


async def _heard(stems: Sequence[domain.StemDiff], wanted: Wanted) -> Columns:
    if "loudness_delta_db" not in wanted and "similarity" not in wanted:
        return {}
    found = dict(zip((one.type for one in stems), await commits.heard(stems), strict=True))
    return {
        "loudness_delta_db": lambda row: found[row.type].loudness_delta_db,
        "similarity": lambda row: found[row.type].similarity,
    }


async def _stem(name: str, stems: Sequence[StemOf | None], wanted: Wanted) -> Columns:
    """A column that is the stem which a row has under that name."""
    if name not in wanted:
        return {}
    make = await Stem.maker([one for one in stems if one is not None], wanted.below(name))

    def column(row: object) -> Stem | None:
        found: StemOf | None = getattr(row, name)
        return None if found is None else make(found)

    return {name: column}


@strawberry.type(description="A type of stem that both sides have changed, each in its own way.")
class StemConflict:
    type: StemType
    base: Stem | None
    ours: Stem | None
    theirs: Stem | None


@strawberry.type(description="What came of a merge, or what would come of it.")
class MergeResult:
    status: MergeStatus
    commit: Commit | None = strawberry.field(
        description="The target's head now. Null in a conflict, and where a dry run would change it."
    )
    conflicts: list[StemConflict]

    @classmethod
    async def of(cls, result: domain.MergeResult, wanted: Wanted) -> Self:
        columns: Columns = {
            "status": lambda row: row.status,
            **await loaded(_commit("commit", result.commit, wanted), "commit"),
            **await loaded(_conflicts(result.conflicts, wanted), "conflicts"),
        }
        return wanted.maker(cls, columns)(result)


async def _conflicts(conflicts: Sequence[domain.StemConflict], wanted: Wanted) -> Columns:
    if "conflicts" not in wanted:
        return {}
    below = wanted.below("conflicts")
    columns: Columns = {
        "type": lambda row: row.type,
        **await _stem("base", [one.base for one in conflicts], below),
        **await _stem("ours", [one.ours for one in conflicts], below),
        **await _stem("theirs", [one.theirs for one in conflicts], below),
    }
    make = below.maker(StemConflict, columns)
    return {"conflicts": lambda _: [make(one) for one in conflicts]}


@strawberry.input
class StemResolution:
    type: StemType
    take: MergeSide


@strawberry.input(
    description="`source` may be a branch of a fork (`sourceRepositoryId`). `dryRun` says what would happen."
)
class MergeInput:
    repository_id: strawberry.ID
    source: str
    target: str
    source_repository_id: strawberry.ID | None = None
    message: str | None = None
    resolutions: list[StemResolution] | None = None
    dry_run: bool | None = False
