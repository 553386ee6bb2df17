"""The form: how many bars there are, and what each is for."""

from __future__ import annotations

from render.music.composing.score import Clock, Section

LEVELS = {"intro": 0.45, "build": 0.7, "drop": 1.0, "break": 0.5, "outro": 0.45}
_RING_SECONDS = 0.9  # the least that is left after the last bar for its chord to ring

# the shares of the kinds, by how many bars a piece has at least
_PLANS: tuple[tuple[int, tuple[tuple[str, float], ...]], ...] = (
    (
        40,
        (
            ("intro", 2),
            ("build", 2),
            ("drop", 4),
            ("break", 2),
            ("build", 1),
            ("drop", 4),
            ("outro", 1),
        ),
    ),
    (18, (("intro", 2), ("build", 2), ("drop", 4), ("break", 2), ("drop", 4), ("outro", 1))),
    (12, (("intro", 2), ("build", 2), ("drop", 4), ("break", 1), ("drop", 3), ("outro", 1))),
    (7, (("intro", 1), ("build", 2), ("drop", 4), ("outro", 1))),
    (5, (("intro", 1), ("build", 1), ("drop", 3))),
    (3, (("build", 1), ("drop", 2))),
    (1, (("drop", 1),)),
)


def bars_in(clock: Clock, seconds: float) -> int:
    """Whole bars that leave the last chord time to ring; at least one."""
    return max(1, int((seconds - _RING_SECONDS) / clock.bar_seconds + 1e-9))


def sections(bars: int) -> tuple[Section, ...]:
    """Sections that fill the bars; each begins at a multiple of the largest unit that the length allows."""
    plan = next(kinds for least, kinds in _PLANS if bars >= least)
    unit = 4 if bars >= 40 else 2 if bars >= 16 else 1
    total = sum(share for _, share in plan)
    sizes = [max(unit, round(bars * share / total / unit) * unit) for _, share in plan]
    main = max(range(len(plan)), key=lambda place: (plan[place][0] == "drop", place))
    while sum(sizes) > bars and max(sizes) > unit:
        largest = max(range(len(sizes)), key=lambda place: (sizes[place], plan[place][0] != "drop"))
        sizes[largest] -= unit
    sizes[main] += bars - sum(sizes)
    made, first = [], 0
    for (kind, _), size in zip(plan, sizes, strict=True):
        if size > 0:
            made.append(Section(kind, first, size, LEVELS[kind]))
            first += size
    return tuple(made)
