"""What is counted of live updates."""

from __future__ import annotations

from domain.tallies import Counter

CONFLATIONS = Counter(
    "starling_subscription_conflations_total",
    "Times that a slow reader was given the newest state in place of every change",
    ("subscription",),
)
