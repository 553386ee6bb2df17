"""Signatures: those of the published scheme, checked by an implementation of the test's own."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from app.settings import BadSetting, Settings
from domain.webhooks import BadSecret, delay_seconds, headers, key_of
from domain.webhooks.tries import MAX_ATTEMPTS
from tests.support.receiver import SECRET, Call

BODY = '{"type":"job.completed","data":{"kind":"ä"}}'.encode()


def test_the_published_example_is_signed_as_published() -> None:
    """The vector that the libraries of the scheme are tested with."""
    made = headers(
        [key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_two_secrets_signs() -> None:
    old, new = key_of(SECRET), key_of("whsec_" + base64.b64encode(b"n" * 24).decode())
    call = Call("POST / HTTP/1.1", headers([new, old], "id", 1_700_000_000, BODY), BODY)
    assert call.signatures(new) == [True, False]
    assert call.signatures(old) == [False, True]
    assert call.signatures(b"another key, sixteen or more") == [False, False]


@pytest.mark.parametrize("change", ["id", "timestamp", "body"])
def test_a_signature_is_of_id_time_and_body(change: str) -> None:
    key = key_of(SECRET)
    made = headers([key], "id", 1_700_000_000, BODY)
    changed = {
        "id": Call("", {**made, "webhook-id": "ie"}, BODY),
        "timestamp": Call("", {**made, "webhook-timestamp": "1700000001"}, BODY),
        "body": Call("", made, BODY + b" "),
    }
    assert Call("", made, BODY).signatures(key) == [True]
    assert changed[change].signatures(key) == [False]


def test_a_plain_secret_is_its_own_bytes() -> None:
    right = hmac.new(SECRET.encode(), b"id.5." + BODY, hashlib.sha256).digest()
    assert headers([key_of(SECRET)], "id", 5, BODY)["webhook-signature"] == (
        f"v1,{base64.b64encode(right).decode()}"
    )


@pytest.mark.parametrize(
    "secret",
    ["", "short", "fifteen-letters", "whsec_****************", "whsec_c2hvcnQ=", "whsec_" + "A" * 21],
)
def test_a_weak_or_broken_secret_is_refused_unsaid(secret: str) -> None:
    with pytest.raises(BadSecret) as raised:
        key_of(secret)
    if secret:
        with pytest.raises(BadSetting, match="STARLING_WEBHOOK_SECRET") as refused:
            Settings.from_environ({"STARLING_WEBHOOK_SECRET": secret})
        assert secret not in str(refused.value)
        assert secret not in str(raised.value)


@pytest.mark.parametrize("between", [",", " ", ", ", "\n"])
def test_one_or_two_secrets_can_be_set(between: str) -> None:
    one, two = SECRET, "whsec_" + base64.b64encode(b"n" * 24).decode()
    assert Settings.from_environ({"STARLING_WEBHOOK_SECRET": one}).webhook_keys == (one.encode(),)
    both = Settings.from_environ({"STARLING_WEBHOOK_SECRET": f"{two}{between}{one}"})
    assert both.webhook_keys == (b"n" * 24, one.encode())
    assert SECRET not in repr(both)
    with pytest.raises(BadSetting, match="STARLING_WEBHOOK_SECRET") as raised:
        Settings.from_environ({"STARLING_WEBHOOK_SECRET": f"{one},{two},{one}"})
    assert SECRET not in str(raised.value)


def test_private_receivers_are_off_by_default() -> None:
    assert not Settings.from_environ({}).webhook_allow_private
    assert Settings.from_environ({"STARLING_WEBHOOK_ALLOW_PRIVATE": "yes"}).webhook_allow_private


def test_tries_are_spread_over_about_a_day() -> None:
    assert delay_seconds(1, 0.5) == 10.0
    assert [delay_seconds(1, luck) for luck in (0.0, 1.0)] == [7.5, 12.5]
    waits = [delay_seconds(attempt, 0.5) for attempt in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[-1] == 3600.0
    assert 0.9 * 86_400 < sum(waits) < 1.2 * 86_400


def test_a_receiver_may_ask_for_a_longer_wait_up_to_an_hour() -> None:
    assert delay_seconds(1, 0.5, 120.0) == 120.0
    assert delay_seconds(1, 0.5, 1.0) == 10.0
    assert delay_seconds(1, 0.5, 1e9) == 3600.0
