"""Signatures of webhooks, by the Standard Webhooks scheme: https://www.standardwebhooks.com

HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`; one signature for each secret, so that
a receiver that knows one of two is content while they are exchanged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
LEAST_CHARACTERS = 16
MOST_SECRETS = 2


class BadSecret(ValueError):
    """A secret that cannot be used; the message never shows it."""


def key_of(secret: str) -> bytes:
    """The bytes that sign: what follows `whsec_` is base64, any other text stands for itself."""
    if len(secret) < LEAST_CHARACTERS:
        raise BadSecret(f"a secret has at least {LEAST_CHARACTERS} characters")
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise BadSecret(f"what follows {PREFIX} must be base64") from error
    if len(key) < LEAST_CHARACTERS:
        raise BadSecret(f"what follows {PREFIX} must stand for at least {LEAST_CHARACTERS} bytes")
    return key


def headers(keys: Sequence[bytes], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one try; `timestamp` is in seconds since 1970."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    signatures = ["v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
