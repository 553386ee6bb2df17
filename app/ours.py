"""Our packages have plain names; one of the same name from elsewhere must not be imported in their place.

(`schema` is also the name of a package on the index, and a folder `app` may lie in the current directory.)
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "schema", "resolvers", "domain", "workers", "render", "db")


class ForeignPackage(RuntimeError):
    """A package that is not ours has the name of one of ours; the message names it."""


def refuse_foreign_packages(root: Path = ROOT) -> None:
    """Raise ForeignPackage unless each of our packages is found below `root`."""
    for name in PACKAGES:
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if found is None or found != root / name / "__init__.py":
            raise ForeignPackage(
                f"The package {name} was found at {found or 'no place'}, not below {root}:"
                " remove what shadows it (see PYTHONPATH and the installed packages)."
            )
