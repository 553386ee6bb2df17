"""Numba's cache watches a kernel's own file only: who inlines kernels of another file names that file's hash.

So a change there changes the file here, and no machine ever runs an old kernel from its cache.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

import render.particles

FOLDER = Path(render.particles.__file__).parent
KERNELS = sorted(path for path in FOLDER.glob("*.py") if "@njit" in path.read_text())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def built_on(path: Path) -> dict[str, str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BUILT_ON":
            found = ast.literal_eval(node.value)
            assert isinstance(found, dict)
            return found
    return {}


def kernels_used(path: Path) -> set[str]:
    """The files of this folder whose compiled functions `path` calls from compiled functions of its own."""
    tree = ast.parse(path.read_text())
    names: dict[str, str] = {}
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("render.particles"):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module.rsplit('.', 1)[-1]}.py"
                modules[alias.asname or alias.name] = f"{alias.name}.py"
    jitted = [item for item in tree.body if isinstance(item, ast.FunctionDef) and item.decorator_list]
    used = set()
    for call in (node for item in jitted for node in ast.walk(item) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in names:
            used.add(names[call.func.id])
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            used.add(modules.get(call.func.value.id, path.name))
    return {name for name in used if name != path.name and (FOLDER / name) in KERNELS}


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_the_hash_of_every_inlined_file_is_named(path: Path) -> None:
    expected = {name: digest(FOLDER / name) for name in kernels_used(path)}
    assert built_on(path) == expected, f"write BUILT_ON = {expected} into {path.name}"


def test_the_guard_sees_what_is_inlined() -> None:
    assert kernels_used(FOLDER / "canvas.py") == {"curves.py"}
    assert kernels_used(FOLDER / "lights.py") == {"motion.py"}
