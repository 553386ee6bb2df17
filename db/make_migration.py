"""Write the next migration from the tables: `python -m db.make_migration NAME`.

It is tortoise's own autodetector, with one correction: `CreateModel` silently leaves out the
constraints of a table, so each becomes an `AddConstraint` after it. `--whole` forgets the migrations
that exist and writes `0001_initial` anew, which is only right before the first release.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import AddConstraint, CreateModel, Operation
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from db.connection import TORTOISE_ORM

FOLDER = Path(__file__).parent / "migrations"


async def changes() -> list[MigrationWriter]:
    """The migrations that are lacking for the tables as they are now; none, when all is written."""
    async with TortoiseContext() as context:
        await context.init(config=TORTOISE_ORM, init_connections=False)
        apps: dict[str, Any] = TORTOISE_ORM["apps"]
        assert context.apps is not None
        writers = await MigrationAutodetector(context.apps, apps).changes()
    for writer in writers:
        writer.operations = [part for operation in writer.operations for part in with_constraints(operation)]
    return writers


def with_constraints(operation: Operation) -> list[Operation]:
    if not isinstance(operation, CreateModel):
        return [operation]
    options = dict(operation.options or {})
    constraints = options.pop("constraints", [])
    operation.options = options
    return [operation, *(AddConstraint(operation.name, constraint) for constraint in constraints)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="initial")
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    if arguments.whole:
        for path in FOLDER.glob("[0-9]*.py"):
            path.unlink()
    for writer in asyncio.run(changes()):
        writer.name = format_migration_name(int(writer.name[:4]), arguments.name)
        writer.write()


if __name__ == "__main__":
    main()
