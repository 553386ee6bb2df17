"""Our plain package names, and the address that we listen on."""

from __future__ import annotations

import importlib
import importlib.metadata
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.listening import CannotListen, base_url, listen
from app.ours import PACKAGES, ROOT, ForeignPackage, refuse_foreign_packages
from app.settings import Settings

SETTINGS = Settings(Path("/nonexistent"))


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "bench"])
def test_each_imported_package_is_ours(name: str) -> None:
    origin = importlib.import_module(name).__file__
    assert origin is not None
    assert Path(origin).resolve() == ROOT / name / "__init__.py"


def test_no_installed_distribution_brings_a_package_of_our_names() -> None:
    providers = importlib.metadata.packages_distributions()
    for name in PACKAGES:
        assert set(providers.get(name, [])) <= {"starling"}


def test_a_foreign_package_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name == "schema" or name.startswith("schema.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ForeignPackage, match="schema"):
        refuse_foreign_packages()


def test_a_free_port() -> None:
    with listen(SETTINGS, "127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert base_url(listening) == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"Port {port} of 127.0.0.1 .*--port"):
            listen(SETTINGS, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_without_accounts_only_this_machine_is_served(host: str) -> None:
    with pytest.raises(CannotListen, match="STARLING_ALLOW_OPEN"):
        listen(SETTINGS, host, 0)


def test_a_setting_allows_every_machine() -> None:
    with listen(replace(SETTINGS, allow_open=True), "0.0.0.0", 0) as listening:
        assert base_url(listening).startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("host", "port"), [("no such name.", 0), ("localhost", 70000), ("192.0.2.1", 0)])
def test_an_address_that_is_none_is_a_sentence(host: str, port: int) -> None:
    with pytest.raises(CannotListen):
        listen(replace(SETTINGS, allow_open=True), host, port)
