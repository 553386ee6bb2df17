"""A child that listens compiles before its first song, and where that was done it loads nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from render.audio import warm

ROOT = Path(__file__).resolve().parents[2]
_LOADED = "import sys; from render.audio.warm import warm; warm(); print('numba' in sys.modules)"


def loaded(root: Path) -> str:
    """Whether warming loads the compiler, in a new interpreter."""
    given = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _LOADED],
        cwd=root,
        env=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_it_compiles_once_and_loads_nothing_after_that(tmp_path: Path) -> None:
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "render", tmp_path / "render", ignore=without)
    assert loaded(tmp_path) == "True"
    assert loaded(tmp_path) == "False"
    source = tmp_path / "render" / "audio" / "tones.py"
    source.write_text(source.read_text() + "\n")
    assert loaded(tmp_path) == "True"


def test_all_kernels_of_the_folder_are_looked_for() -> None:
    """But those that hear a hum: the children that compose from it have them."""
    folder = Path(warm.__file__).parent
    listed = {folder / f"{name}.py" for name in warm.KERNELS}
    kernels = {path for path in folder.rglob("*.py") if "@njit" in path.read_text()}
    assert listed == {path for path in kernels if path.parent.name != "humming"}
