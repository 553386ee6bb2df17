"""The command `starling`. What goes wrong in an expected way is one sentence on stderr and exit code 1."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from app import logs
from app.engines import EngineError, Home, open_engines
from app.jobs_cli.arguments import add_arguments
from app.listening import CannotListen, addresses_line, base_url, listen
from app.ours import ForeignPackage, refuse_foreign_packages
from app.redaction import Redaction, known_secrets
from app.refusals import DoesNotStart
from app.serve import serve
from app.settings import BadSetting, Settings, api_processes
from db.connection import BadDatabaseUrl, DatabaseAway
from db.migrate import PendingMigrations, migrate
from render.particles.config import ParticleType

EXPECTED = (
    BadSetting,
    BadDatabaseUrl,
    DatabaseAway,
    CannotListen,
    DoesNotStart,
    EngineError,
    ForeignPackage,
    PendingMigrations,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    arguments = _parser().parse_args(argv)
    hide = Redaction(known_secrets(os.environ))
    run: Callable[[Settings, argparse.Namespace], int] = arguments.run
    try:
        refuse_foreign_packages()
        settings = Settings.from_environ(os.environ)
        logs.configure(settings.log_level, hide=hide)
        logs.catch_the_rest()
        code = run(settings, arguments)
    except EXPECTED as error:
        print(f"starling: {hide(str(error))}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="starling", description="A self-hosted backend for music videos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[Settings, argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    serving = command("serve", _serve, "Run everything on this machine: engines, API and workers.")
    api = command("api", _api, "Run one API process against running engines or the configured URLs.")
    for one in (serving, api):
        one.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        one.add_argument(
            "--port", type=int, default=8000, help="port, 0 for a free one (default: %(default)s)"
        )
    serving.add_argument(
        "--api-processes",
        type=_api_processes,
        metavar="N",
        help="API processes on that port (default: STARLING_API_PROCESSES, else 1)",
    )
    for name, kind in (("--descriptor", int), ("--tallies", Path), ("--place", int)):  # of `starling serve`
        api.add_argument(name, type=kind, help=argparse.SUPPRESS)
    command("worker", _worker, "Run one worker process against running engines or the configured URLs.")
    command("migrate", _migrate, "Bring the database up to this version.")
    command("schema", _schema, "Print the GraphQL schema.")
    add_arguments(command("jobs", _jobs, "Look at jobs, watch, cancel and retry them, and remove old ones."))
    demo = command("demo", _demo, "Make a music video of a song and show every step.")
    demo.add_argument("audio", nargs="?", metavar="AUDIO", help="the song; one is composed if none is given")
    demo.add_argument("-o", "--output", metavar="FILE", help="where the video goes")
    demo.add_argument(
        "--type",
        choices=[kind.value.lower() for kind in ParticleType],
        default="enhanced",
        help="how the particles move (default: %(default)s)",
    )
    demo.add_argument(
        "--quality",
        choices=["draft", "standard", "high"],
        default="standard",
        help="how carefully the video is encoded (default: %(default)s)",
    )
    demo.add_argument(
        "--size", default="1920x1080", metavar="WxH", help="width and height, even (default: %(default)s)"
    )
    return parser


def _api_processes(text: str) -> int:
    try:
        return api_processes("--api-processes", text)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.api_processes is not None:
        settings = replace(settings, api_processes=arguments.api_processes)
    return serve(settings, arguments.host, arguments.port)


def _api(settings: Settings, arguments: argparse.Namespace) -> int:
    from app.api import run_api
    from app.metrics.siblings import Place

    if arguments.descriptor is not None:  # of `starling serve`, which prints the addresses itself
        place = None if arguments.tallies is None else Place(arguments.tallies, arguments.place)
        return run_api(_with_engines(settings), socket.socket(fileno=arguments.descriptor), place=place)
    with listen(settings, arguments.host, arguments.port) as listening:
        line = addresses_line(base_url(listening))
        return run_api(_with_engines(settings), listening, when_ready=lambda: print(line, flush=True))


def _worker(settings: Settings, arguments: argparse.Namespace) -> int:
    from app.work import run_worker

    return run_worker(_with_engines(settings))


def _migrate(settings: Settings, arguments: argparse.Namespace) -> int:
    home = Home(settings.home)
    url = settings.database_url
    running = home.running() if url is None else None
    if url is None and running is None:
        with open_engines(home, redis_url="") as engines:
            return _migrated(engines.addresses.database_url)
    return _migrated(url or (running.database_url if running else ""))


def _migrated(url: str) -> int:
    done = asyncio.run(migrate(url))
    print(f"Applied: {', '.join(done)}" if done else "The database is up to date.")
    return 0


def _schema(settings: Settings, arguments: argparse.Namespace) -> int:
    from schema.build import sdl

    print(sdl())
    return 0


def _jobs(settings: Settings, arguments: argparse.Namespace) -> int:
    from app.jobs_cli.run import main as look_at_jobs

    return look_at_jobs(_with_engines(settings), arguments)


def _demo(settings: Settings, arguments: argparse.Namespace) -> int:
    from app.demo import main as make_demo

    return make_demo(settings, arguments)


def _with_engines(settings: Settings) -> Settings:
    """The settings with both URLs: those that are set, else those of the engines that run in the home."""
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    running = Home(settings.home).running()
    if running is None:
        raise EngineError(
            f"No engines run in {settings.home}: start `starling serve` there,"
            " or set DATABASE_URL and REDIS_URL."
        )
    return replace(
        settings,
        database_url=settings.database_url or running.database_url,
        redis_url=settings.redis_url or running.redis_url,
    )


if __name__ == "__main__":
    main()
