"""One try to tell one receiver, and when the next one is.

At least once: a try whose end could not be recorded is made again, under the same id. Only an answer 2xx
counts as told. What a receiver says is never kept: a failure is a code of ours.
"""

from __future__ import annotations

import logging
import random

from db import webhooks as rows
from db.webhooks import Delivery
from domain.ports import Answer, Services, Webhooks
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
        await rows.give_up(delivery.id, delivery.attempt, WORKERS_LOST)
        log.warning("webhook of job %s: given up (%s)", delivery.job_id, WORKERS_LOST)
        return
    body = await message.body(delivery, services)
    timestamp = int(delivery.claimed_at.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "Starling-Webhooks",
        **signing.headers(webhooks.keys, str(delivery.id), timestamp, body),
    }
    answer = await _call(delivery.url, headers, body, webhooks)
    if answer.is_success:
        known = await rows.delivered(delivery.id, delivery.attempt)
    elif answer.status == GONE or delivery.attempt >= MAX_ATTEMPTS:
        known = await rows.give_up(delivery.id, delivery.attempt, answer.problem)
    else:
        asked = answer.retry_after_seconds if answer.status in MAY_SAY_WHEN else None
        delay = delay_seconds(delivery.attempt, random.random(), asked)
        known = await rows.put_off(delivery.id, delivery.attempt, delay, answer.problem)
    _log(delivery, answer, known)


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


def _log(delivery: Delivery, answer: Answer, known: bool) -> None:
    what = "told" if answer.is_success else f"not told ({answer.problem})"
    if not answer.is_success and (answer.status == GONE or delivery.attempt >= MAX_ATTEMPTS):
        what = f"given up ({answer.problem})"
    log.log(
        logging.INFO if answer.is_success else logging.WARNING,
        "webhook of job %s: %s, try %d%s",
        delivery.job_id,
        what,
        delivery.attempt,
        "" if known else ", which was another's by then",
        extra={"delivery": str(delivery.id), "host": delivery.host},
    )
