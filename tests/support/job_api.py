"""An API process that knows the kinds of tests: `python -m tests.support.job_api`, on a free port.

DATABASE_URL, REDIS_URL and STARLING_HOME as for the product, whose `starling api` it is otherwise.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app import cli
from app.engines import processes
from tests.support import job_kinds
from tests.support.server import address, stop


@contextmanager
def job_api(given: Mapping[str, str], log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its base URL, until the block ends; it must still live then."""
    with log.open("ab") as file:
        process = processes.spawn(
            [sys.executable, "-P", "-m", "tests.support.job_api"],
            death_signal=signal.SIGKILL,
            env=given,
            log=file.fileno(),
        )
    try:
        yield process, address(process, log)
        assert process.poll() is None, log.read_text(errors="replace")
    finally:
        stop(process)


if __name__ == "__main__":
    assert job_kinds.HANDLERS  # its import registers them
    cli.main(["api", "--port", "0"])
