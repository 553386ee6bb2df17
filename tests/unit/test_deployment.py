"""What is shipped beside the code: the image, the composition, the commands."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from app.ours import PACKAGES
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_composition_is_valid() -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed here")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this docker has no compose plugin")
    command = ["docker", "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_every_published_port_is_of_this_machine_alone() -> None:
    published = re.findall(r'^\s*(?:ports:\s*\[|-\s*)"?([^"\]\n]*:\d+)"?\]?$', COMPOSE, re.MULTILINE)
    assert len(published) == 1
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert COMPOSE.count("ports:") == 1


def test_every_service_runs_with_as_little_as_it_needs() -> None:
    services = COMPOSE.partition("\nservices:\n")[2].partition("\nconfigs:\n")[0]
    names = re.findall(r"^  ([a-z]+):$", services, re.MULTILINE)
    assert {"api", "worker", "postgres", "valkey", "storage"} <= set(names)
    for name in names:
        block = re.split(r"^  [a-z]+:$", services, flags=re.MULTILINE)[1 + names.index(name)]
        assert "<<: *hardened" in block or "<<: *starling" in block, name
        assert "image: " not in block or ":latest" not in block, name


def test_its_settings_are_settings() -> None:
    named = set(re.findall(r"^\s+(STARLING_\w+):", COMPOSE, re.MULTILINE))
    named |= set(re.findall(r"(STARLING_\w+)=", DOCKERFILE))
    assert "STARLING_ALLOW_OPEN" in named
    Settings.from_environ({name: "yes" if "ALLOW" in name else "/var/lib/starling" for name in named})


def test_the_image_has_every_package_and_no_root() -> None:
    for package in PACKAGES:
        assert f"COPY {package} /srv/starling/{package}" in DOCKERFILE
        assert f"!{package}\n" in (ROOT / ".dockerignore").read_text()
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1] == "starling"
    assert "--require-hashes -r /requirements.lock" in DOCKERFILE


def test_the_locks_name_no_index_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9._\[\]-]+==\S+", text, re.MULTILINE)
        assert len(pins) > 30
        assert len(re.findall(r"^[a-z0-9._\[\]-]+==[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE)) == len(
            pins
        )


def test_the_extra_for_models_is_pinned_and_names_no_index() -> None:
    text = (ROOT / "requirements-ml.txt").read_text()
    pins = re.findall(r"^[a-z0-9-]+==[\w.]+$", text, re.MULTILINE)
    assert "://" not in text and pins == [line for line in text.splitlines() if not line.startswith("#")]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras["ml"]) <= set(pins)
    locked = (ROOT / "requirements-dev.lock").read_text()
    assert not any(f"\n{pin.partition('==')[0]}==" in locked for pin in pins), "a package has one pin"
