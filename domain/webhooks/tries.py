"""One try to tell one receiver, and when the next one is.

At least once: a try whose end could not be recorded is made again, under the same id. Only an answer 2xx
counts as told. What a receiver says is never kept: a failure is a code of ours.
"""

from __future__ import annotations

import logging
import random
from typing import Literal

from db import webhooks as rows
from db.webhooks import Delivery
from domain.ports import Answer, Services, Webhooks
from domain.tallies import Counter
from domain.webhooks import message, signing
from domain.webhooks.addresses import BadUrl, refusal, target_of

LEASE_SECONDS = 30.0  # a try takes ten at most
FIRST_DELAY_SECONDS = 10.0
MOST_DELAY_SECONDS = 3600.0
MAX_ATTEMPTS = 32  # about a day
KEEP_SECONDS = 30 * 86_400.0
GONE = 410
WORKERS_LOST = "WORKERS_LOST"
MAY_SAY_WHEN = (429, 503)
TRIES = Counter(
    "starling_webhook_tries_total",
    "Calls of callback URLs: delivered, failed (and made again later), or given_up for good",
    ("outcome",),
)
Outcome = Literal["delivered", "failed", "given_up"]
_SAID: dict[Outcome, str] = {"delivered": "told", "failed": "not told", "given_up": "given up"}

log = logging.getLogger(__name__)


def delay_seconds(attempt: int, luck: float, asked_seconds: float | None = None) -> float:
    """The wait after try `attempt`, from 1: doubling, up to a quarter more or less by `luck` (0..1).

    A receiver may ask for a longer one, up to the greatest.
    """
    usual = min(MOST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(attempt - 1, 16))
    return max(usual * (0.75 + 0.5 * luck), min(asked_seconds or 0.0, MOST_DELAY_SECONDS))


async def deliver(delivery: Delivery, services: Services, webhooks: Webhooks) -> None:
    """Make one try of a claimed delivery and record how it went. Raises what the database raises.

    A try beyond the last is none: that of a delivery whose workers died, each in the middle of it.
    """
    if delivery.attempt > MAX_ATTEMPTS:
        answer = Answer(problem=WORKERS_LOST)
    else:
        answer = await _answer(delivery, services, webhooks)
    outcome = _outcome(delivery, answer)
    is_ours = await _record(delivery, answer, outcome)
    services.tallies.add(TRIES, outcome)
    _log(delivery, answer, outcome, is_ours)


async def _answer(delivery: Delivery, services: Services, webhooks: Webhooks) -> Answer:
    body = await message.body(delivery, services)
    timestamp = int(delivery.claimed_at.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "Starling-Webhooks",
        **signing.headers(webhooks.keys, str(delivery.id), timestamp, body),
    }
    return await _call(delivery.url, headers, body, webhooks)


def _outcome(delivery: Delivery, answer: Answer) -> Outcome:
    if answer.is_success:
        return "delivered"
    return "given_up" if answer.status == GONE or delivery.attempt >= MAX_ATTEMPTS else "failed"


async def _record(delivery: Delivery, answer: Answer, outcome: Outcome) -> bool:
    """False where the try was another's by then."""
    if outcome == "delivered":
        return await rows.delivered(delivery.id, delivery.attempt)
    if outcome == "given_up":
        return await rows.give_up(delivery.id, delivery.attempt, answer.problem)
    asked = answer.retry_after_seconds if answer.status in MAY_SAY_WHEN else None
    delay = delay_seconds(delivery.attempt, random.random(), asked)
    return await rows.put_off(delivery.id, delivery.attempt, delay, answer.problem)


async def _call(url: str, headers: dict[str, str], body: bytes, webhooks: Webhooks) -> Answer:
    """The receiver's answer, or ours where it must not be called."""
    try:
        target = target_of(url)
    except BadUrl:
        return Answer(problem="BAD_URL")
    if refusal(target, webhooks) is not None:
        return Answer(problem="ADDRESS_REFUSED")
    return await webhooks.caller.post(url, headers, body)


async def put_back(delivery: Delivery) -> bool:
    """A try that was broken off: due again at once."""
    return await rows.put_off(delivery.id, delivery.attempt, 0.0)


def _log(delivery: Delivery, answer: Answer, outcome: Outcome, is_ours: bool) -> None:
    log.log(
        logging.INFO if outcome == "delivered" else logging.WARNING,
        "webhook of job %s: %s%s, try %d%s",
        delivery.job_id,
        _SAID[outcome],
        f" ({answer.problem})" if answer.problem else "",
        delivery.attempt,
        "" if is_ours else ", which was another's by then",
        extra={"delivery": str(delivery.id), "host": delivery.host},
    )
