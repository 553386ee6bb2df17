"""What a log hides: passwords, keys and tokens, known ones by their text, others by their place.

Known are the passwords in the URLs of the environment and every variable whose name says that it is secret
(`known_secrets`), in each spelling that a library may show them in. By their place: user and password in any
URL, values of parameters and headers that are named like a secret, and the rows that PostgreSQL quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "***"
SHORTEST = 6  # characters; a shorter secret would take ordinary words out of every line
MOST_REMEMBERED = 1_000  # texts whose answer is kept
LONGEST_REMEMBERED = 100  # characters
_URLS = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL")
_SECRET_NAME = re.compile(r"SECRET|PASSW|TOKEN|CREDENTIAL|API_?KEY|ACCESS_KEY|ACCOUNT_KEY|(^|_)KEY$", re.I)
# Bounded everywhere, so that a long line costs no more than its length.
_WORD = (
    r"(?:token|secret|passw(?:or)?d|passphrase|signature|credential|api[_-]?key|access[_-]?key)[\w.-]{0,40}"
)
_PLACES = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), rf"\1{HIDDEN}")
    for pattern in (
        r"(://)[^\s/?#\"'<>\\]+(?=@)",
        rf"({_WORD}=)[^&#;\s\"'<>\\]+",
        rf"({_WORD}[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"'])[^\"']+",
        r"(authorization\W{1,6}(?:b(?=[\"']))?[\"']?(?:(?:bearer|basic|digest|token)\s{1,4})?)[^\s\"',;\\]+",
        r"(\bbearer\s{1,4})[^\s\"',;\\]+",
        r"(cookie[\"']?\s{0,4}[:=,]\s{0,4}(?:b(?=[\"']))?[\"']?)[^\"'\r\n\\]+",
        r"(Failing row contains \().*",
    )
)


class Redaction:
    """Hides the given secrets, and what stands where secrets stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {form for secret in secrets for form in _spellings(secret) if len(form) >= SHORTEST}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spelled else None
        self._remembered = lru_cache(maxsize=MOST_REMEMBERED)(self._hidden)

    def __call__(self, text: str) -> str:
        """Most lines are made of a few short texts that come again and again: a method, a path."""
        return self._remembered(text) if len(text) <= LONGEST_REMEMBERED else self._hidden(text)

    def _hidden(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _PLACES:
            text = pattern.sub(instead, text)
        return text


def known_secrets(environ: Mapping[str, str]) -> set[str]:
    """The secrets of an environment: of the URLs that hold one, and of variables that are named so."""
    found = {part for name in _URLS for part in _parts_of_url(environ.get(name, ""))}
    for name, text in environ.items():
        if _SECRET_NAME.search(name):
            parts = re.split(r"[\s,]+", text)
            found |= {text, *parts, *(part.removeprefix("whsec_") for part in parts)}
    return {secret for secret in found if secret}


def _parts_of_url(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        found = {parts.password or ""}
        found |= {value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)}
    except ValueError:
        return {url}
    return found


def _spellings(secret: str) -> set[str]:
    """As it is, decoded, percent-encoded, and as Python and JSON quote it."""
    plain = {secret, unquote(secret)}
    encoded = {quote(one, safe=safe) for one in plain for safe in ("", "/")}
    quoted = {repr(one)[1:-1] for one in plain} | {json.dumps(one)[1:-1] for one in plain}
    return plain | encoded | quoted
