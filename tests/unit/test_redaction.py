"""What a log line shows of secrets: nothing, wherever they stand and however they are spelled."""

from __future__ import annotations

import json
import logging
import time

import pytest

from app.redaction import Redaction, known_secrets
from tests.support.log_lines import written_logs

ENVIRON = {
    "DATABASE_URL": "postgresql://bird:p%40ss-of-db@db.example/songs?sslmode=require",
    "REDIS_URL": "rediss://:pass-of-redis@redis.example:6379/0",
    "STORAGE_URL": "s3://key-id:pass-of-store@bucket/prefix?aws_secret_access_key=other-pass",
    "STARLING_WEBHOOK_SECRET": "whsec_first-secret, whsec_second-secret",
    "AWS_SESSION_TOKEN": "session-of-aws",
    "PGPASSWORD": 'quote"d \\ pass',
    "STARLING_LOG_LEVEL": "INFO-is-no-secret",
}
SECRETS = (
    "p@ss-of-db",
    "p%40ss-of-db",
    "pass-of-redis",
    "pass-of-store",
    "other-pass",
    "whsec_first-secret",
    "whsec_second-secret",
    "session-of-aws",
    'quote"d \\ pass',
)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_of_the_environment_is_hidden_in_every_spelling(secret: str) -> None:
    hide = Redaction(known_secrets(ENVIRON))
    for said in (secret, repr(secret), json.dumps(secret), f"before {secret} after"):
        assert "pass" not in hide(said)
        assert "secret" not in hide(said)
        assert "***" in hide(said)


@pytest.mark.parametrize(
    "said",
    [
        "cannot reach https://user:hunter2@hook.example/path",
        "cannot reach https://hunter2@hook.example/path",
        "GET /assets?token=hunter2&x=1",
        "GET /assets?x=1&access_token=hunter2",
        "GET /assets?X-Amz-Signature=hunter2",
        "headers {'authorization': 'Bearer hunter2', 'accept': '*/*'}",
        "Authorization: Basic hunter2",
        "[(b'authorization', b'hunter2')]",
        "headers {'cookie': 'session=hunter2; b=c'}",
        "Cookie: session=hunter2",
        '{"password": "hunter2"}',
        "api_key='hunter2'",
        "DETAIL:  Failing row contains (1, hunter2, null).",
    ],
)
def test_what_stands_where_a_secret_stands_is_hidden(said: str) -> None:
    assert "hunter2" not in Redaction()(said)


@pytest.mark.parametrize(
    "said",
    [
        "job 5f2b: attempt 1 failed with INTERNAL",
        "no bells: Redis is away (ConnectionError)",
        "Starling answers at http://127.0.0.1:8000",
        "GET /particles/systems 200",
        "the token has expired",
    ],
)
def test_ordinary_lines_stay_as_they_are(said: str) -> None:
    assert Redaction(known_secrets(ENVIRON))(said) == said


def test_a_secret_is_hidden_in_the_message_its_extras_and_the_traceback() -> None:
    with written_logs(Redaction(known_secrets(ENVIRON))) as written:
        try:
            raise ValueError("no pass-of-redis here") from OSError("p@ss-of-db")
        except ValueError:
            logging.getLogger("a").exception("it is %s", "session-of-aws", extra={"url": ["pass-of-store"]})
    (line,) = written.lines()
    assert line["message"] == "it is ***"
    assert line["url"] == "['***']"
    assert not any(secret in written.getvalue() for secret in SECRETS)
    assert "ValueError: no *** here" in line["error"]


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    hide = Redaction(known_secrets(ENVIRON))
    for text in ("a-" * 100_000, "a" * 200_000, "token" * 40_000, "cookie:" * 30_000):
        began = time.perf_counter()
        hide(text)
        assert time.perf_counter() - began < 3.0
