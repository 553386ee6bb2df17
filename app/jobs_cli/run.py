"""One action of `starling jobs`, from the settings to the exit code.

It works on the database and Redis themselves, through the same use cases as the API and as the local owner,
so it needs no API process. What goes wrong in an expected way is one sentence on stderr and exit code 1.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from app.jobs_cli import changing, listing, showing, watching
from app.jobs_cli.screen import ReaderLeft, Screen
from app.jobs_cli.session import Session, is_outage
from app.settings import Settings
from app.wiring import open_services
from domain.accounts import local_owner
from domain.errors import StarlingError

CONNECTIONS = 4
INTERRUPTED = 130  # what a shell reports after Ctrl-C
ONLY_SHOWS = ("list", "show")  # so that whoever has read enough may leave

ACTIONS: dict[str, Callable[[Session, Namespace], Awaitable[int]]] = {
    "list": listing.list_jobs,
    "show": showing.show_job,
    "cancel": changing.cancel_jobs,
    "retry": changing.retry_jobs,
    "watch": watching.watch_jobs,
    "prune": changing.prune_jobs,
}


def main(settings: Settings, arguments: Namespace) -> int:
    """Run one action; returns the exit code. From the main thread."""
    out, errors = Screen(sys.stdout), Screen(sys.stderr)
    logging.getLogger().setLevel(max(logging.ERROR, logging.getLogger().level))  # we say it in words
    is_endless = arguments.action == "watch" and not arguments.ids
    try:
        with _terminated_like_interrupted():
            return asyncio.run(_run(settings, arguments, out, errors))
    except StarlingError as error:
        errors.sentence(error.message)
    except ReaderLeft:
        return 0 if is_endless or arguments.action in ONLY_SHOWS else 1
    except KeyboardInterrupt:
        return 0 if is_endless else INTERRUPTED
    except Exception as error:
        if not is_outage(error):
            raise
        errors.sentence(f"the database does not answer ({str(error) or type(error).__name__})")
    return 1


async def _run(settings: Settings, arguments: Namespace, out: Screen, errors: Screen) -> int:
    async with _session(settings, out, errors) as session:
        return await ACTIONS[arguments.action](session, arguments)


@asynccontextmanager
async def _session(settings: Settings, out: Screen, errors: Screen) -> AsyncIterator[Session]:
    async with open_services(replace(settings, database_pool=CONNECTIONS)) as services:
        yield Session(await local_owner(), services, out, errors)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM unwinds as Ctrl-C does, so that a terminal gets its cursor back.

    Also where SIGINT is ignored, as by what a script has begun with `&`.
    """

    def interrupt(*_: object) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
