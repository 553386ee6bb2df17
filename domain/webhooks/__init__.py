"""The callback URL of a job is told, signed, when the job ends. `docs/webhooks.md` is the contract."""

from __future__ import annotations

from domain.webhooks.addresses import BadUrl, Target, checked, is_outside, target_of
from domain.webhooks.signing import MOST_SECRETS, BadSecret, headers, key_of
from domain.webhooks.tries import (
    KEEP_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    TRIES,
    delay_seconds,
    deliver,
    put_back,
)

__all__ = [
    "KEEP_SECONDS",
    "LEASE_SECONDS",
    "MAX_ATTEMPTS",
    "MOST_SECRETS",
    "TRIES",
    "BadSecret",
    "BadUrl",
    "Target",
    "checked",
    "deliver",
    "delay_seconds",
    "headers",
    "is_outside",
    "key_of",
    "put_back",
    "target_of",
]
