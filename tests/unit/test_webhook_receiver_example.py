"""What docs/webhooks.md tells receivers, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.pages.install import npm_command
from domain.webhooks import headers, key_of
from tests.support.receiver import SECRET

DOCS = Path(__file__).resolve().parents[2] / "docs"
BODY = b'{"type": "job.completed", "data": {"job": "a-job", "outputs": [{"url": "/assets/1/film.mp4"}]}}'
ENCODED = "whsec_bmluZXRlZW4gbGV0dGVycyBvZiBrZXk="


@contextmanager
def receiving(secret: str, log: Path) -> Iterator[str]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", DOCS / "webhook_receiver.py", "0"],
            env={**os.environ, "STARLING_WEBHOOK_SECRET": secret},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            if found := re.search(r"waiting on port (\d+)", log.read_text()):
                yield f"http://127.0.0.1:{found[1]}/"
                return
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        raise AssertionError(log.read_text())
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("secret", [SECRET, ENCODED])
def test_the_receiver_of_the_documentation_takes_ours_and_no_others(secret: str, tmp_path: Path) -> None:
    keys, now = [key_of(secret)], int(time.time())
    genuine = headers(keys, "one", now, BODY)
    both = headers([b"a new key, not known yet", *keys], "two", now, BODY)
    forged = {
        "another key": headers([b"another key of some length"], "x", now, BODY),
        "another body": {**headers(keys, "x", now, BODY + b" ")},
        "another id": {**headers(keys, "x", now, BODY), "webhook-id": "y"},
        "too old": headers(keys, "x", now - 400, BODY),
        "from the future": headers(keys, "x", now + 400, BODY),
        "no time": {**headers(keys, "x", now, BODY), "webhook-timestamp": "soon"},
        "no signature": {"webhook-id": "x", "webhook-timestamp": str(now)},
        "nothing": {},
    }
    log = tmp_path / "log"
    with receiving(secret, log) as url:
        for given in (genuine, genuine, both):
            assert httpx.post(url, content=BODY, headers=given).status_code == 204
        for what, given in forged.items():
            assert httpx.post(url, content=BODY, headers=given).status_code == 401, what
    told = [line for line in log.read_text().splitlines() if line.startswith("job.")]
    assert told == ["job.completed a-job /assets/1/film.mp4"] * 2


def test_the_page_shows_the_receivers_own_words() -> None:
    program, page = (DOCS / "webhook_receiver.py").read_text(), (DOCS / "webhooks.md").read_text()
    shown = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    without_docstring = re.sub(r'    """.*?"""\n', "", program)
    assert shown[1] in without_docstring


@pytest.mark.parametrize("secret", [SECRET, ENCODED])
def test_the_javascript_of_the_page_agrees(secret: str, tmp_path: Path) -> None:
    node, *_ = npm_command()
    shown = re.search(r"```js\n(.*?)```", (DOCS / "webhooks.md").read_text(), re.DOTALL)
    assert shown is not None
    now = int(time.time())
    good = headers([key_of(secret)], "one", now, BODY)
    cases = [(good, True), ({**good, "webhook-id": "two"}, False), ({}, False)]
    cases.append((headers([key_of(secret)], "one", now - 400, BODY), False))
    cases.append((headers([b"a new key, not known yet", key_of(secret)], "one", now, BODY), True))
    program = shown[1] + "".join(
        f"console.log(isGenuine({secret!r}, {dict(given)!r}, Buffer.from({BODY.decode()!r})));\n"
        for given, _ in cases
    )
    (tmp_path / "check.cjs").write_text(program)
    said = subprocess.run([node, tmp_path / "check.cjs"], capture_output=True, text=True, check=False)
    assert said.stderr == ""
    assert said.stdout.split() == [str(is_genuine).lower() for _, is_genuine in cases]
