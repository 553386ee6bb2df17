"""The arguments of `starling jobs`. Light: it is read by every command."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable

LISTED = 20
STATUSES = ("PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED")


def add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for add in (_list, _show, _cancel, _retry, _watch, _prune):
        add(lambda name, text: actions.add_parser(name, help=text, description=text))


Add = Callable[[str, str], ArgumentParser]


def _list(add: Add) -> None:
    parser = add("list", "List jobs, the newest first.")
    parser.add_argument(
        "--status",
        action="append",
        type=str.upper,
        choices=STATUSES,
        metavar="STATUS",
        help=f"only these ({', '.join(STATUSES).lower()}); may be given several times",
    )
    parser.add_argument(
        "--kind",
        action="append",
        type=str.upper,
        metavar="KIND",
        help="only these, as particle_render; may be given several times",
    )
    parser.add_argument(
        "--limit", type=_positive, default=LISTED, help="how many at most (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="all of them, whatever the limit")
    _json(parser, "one JSON array")


def _show(add: Add) -> None:
    parser = add("show", "Show one job: its stages, attempts, files and error.")
    parser.add_argument("id", metavar="ID", help="its id, or a beginning of it that no other job has")
    _json(parser, "one JSON object")


def _cancel(add: Add) -> None:
    parser = add("cancel", "Cancel jobs: waiting ones at once, running ones within seconds.")
    parser.add_argument("ids", nargs="+", metavar="ID")


def _retry(add: Add) -> None:
    parser = add("retry", "Run ended jobs again, each as a new job.")
    parser.add_argument("ids", nargs="+", metavar="ID")
    parser.add_argument("--from-stage", metavar="STAGE", help="begin with this stage of the kind")


def _watch(add: Add) -> None:
    parser = add(
        "watch",
        "Watch jobs live. With ids until these have ended (exit code 0 if all were completed), else"
        " everything that runs, until Ctrl-C.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID")
    _json(parser, "one JSON object a line for every change")


def _prune(add: Add) -> None:
    parser = add("prune", "Remove jobs that ended long ago, and the files that they made and nothing uses.")
    parser.add_argument(
        "--older-than",
        type=_positive,
        metavar="DAYS",
        help="how long ago they ended (default: STARLING_RETENTION_DAYS)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _json(parser: ArgumentParser, text: str) -> None:
    parser.add_argument("--json", action="store_true", help=f"{text}, for programs")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"must be a whole number of 1 or more, not {text!r}")
    return int(text)
