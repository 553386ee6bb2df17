"""The kinds of work. A kind can be submitted when it is registered here; the other names are vocabulary.

A kind that tests or the bench need is registered by them with `register`, never here.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import InvalidInput

# Every name of the public contract. Rows of any other kind are left alone and left out of lists.
VOCABULARY = frozenset(
    {
        "PARTICLE_RENDER",
        "VIDEO_GENERATE",
        "MV_SCENES",
        "MV_CHARACTER_REFERENCE",
        "MV_VIDEO",
        "MV_COMPOSE",
        "MUSIC_GENERATE",
        "MELODY_TO_MUSIC",
        "STEM_SEPARATE",
        "STEM_DIFF",
        "COMMIT_RENDER",
        "AUDIO_ANALYZE",
        "MUSIC_CLIP",
        "PRODUCER_GENERATE",
        "LIBRARY_SYNC",
        "ANALYSIS_GENERATE",
        "PLAN_APPLY",
        "PLAN_REVERT",
    }
)


@dataclass(frozen=True)
class Kind:
    """What the queue must know of a kind of work.

    `weights` is the share of each stage in the whole (any positive unit; equal shares if left out).
    `stall_seconds` is how long it may go without progress. `documented_in_redis` says that outside
    consumers are told through the documented hash and channels.
    """

    name: str
    stages: tuple[str, ...]
    weights: tuple[float, ...] = ()
    max_attempts: int = 3
    stall_seconds: float = 120.0
    documented_in_redis: bool = False

    def shares(self) -> tuple[float, ...]:
        """The stages' shares of the whole; they sum to 1."""
        weights = self.weights or (1.0,) * len(self.stages)
        whole = sum(weights)
        return tuple(weight / whole for weight in weights)


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind submittable in this process. Raises ValueError for a kind that contradicts itself."""
    if not kind.stages or len(set(kind.stages)) != len(kind.stages):
        raise ValueError(f"{kind.name} needs stages with names that differ")
    if kind.weights and (len(kind.weights) != len(kind.stages) or min(kind.weights) <= 0):
        raise ValueError(f"{kind.name} needs one positive weight for each stage")
    KINDS[kind.name] = kind
    return kind


PARTICLE_RENDER = register(
    Kind(
        "PARTICLE_RENDER",
        stages=("features", "render", "publish"),
        weights=(8.0, 90.0, 2.0),
        documented_in_redis=True,
    )
)

AUDIO_ANALYZE = register(Kind("AUDIO_ANALYZE", stages=("listen",)))

STEM_SEPARATE = register(Kind("STEM_SEPARATE", stages=("separate", "publish"), weights=(96.0, 4.0)))

# Where nothing is compiled yet, the first piece waits for that.
MUSIC_GENERATE = register(
    Kind("MUSIC_GENERATE", stages=("compose", "publish"), weights=(92.0, 8.0), stall_seconds=300.0)
)

MELODY_TO_MUSIC = register(
    Kind("MELODY_TO_MUSIC", stages=("compose", "publish"), weights=(92.0, 8.0), stall_seconds=300.0)
)


def kind_of(name: str) -> Kind:
    """Raises InvalidInput for a kind that cannot be submitted here."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInput("kind", f"kind {name} cannot be submitted; known are {', '.join(sorted(KINDS))}")
    return kind


def known() -> list[str]:
    """The kinds that lists show."""
    return sorted(VOCABULARY | KINDS.keys())
