"""`starling demo [AUDIO] [-o FILE]`: the main job from end to end, shown while it happens.

It starts a server of its own (own home, own free port), does what any client would do, over HTTP and
graphql-transport-ws and nothing else, saves the video and stops all that it started. Progress goes to
stderr, the one line of the result to stdout. What goes wrong in an expected way is one sentence.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from app.demo.errors import DemoError
from app.demo.files import Places, places
from app.demo.film import Film, Wish, make_film
from app.demo.progress import Progress
from app.demo.server import running_server
from app.settings import Settings

__all__ = ["main"]

INTERRUPTED = 130  # what a shell reports after Ctrl-C


def main(settings: Settings, arguments: Namespace) -> int:
    """Make the video; returns the exit code. From the main thread."""
    try:
        with _terminated_like_interrupted(), Progress.on(sys.stderr) as progress:
            chosen = places(arguments.audio, arguments.output)
            film = _made(settings, chosen, Wish.of(arguments), progress)
    except DemoError as error:
        print(f"starling: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("starling: stopped; no video was saved.", file=sys.stderr)
        return INTERRUPTED
    print(film.line())
    return 0


def _made(settings: Settings, chosen: Places, wish: Wish, progress: Progress) -> Film:
    progress.say("Starting a server for the demo")
    with running_server(settings) as server:
        return asyncio.run(make_film(server.address(), chosen.audio, wish, chosen.output, progress))


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM unwinds as Ctrl-C does, so that it leaves nothing behind either."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
