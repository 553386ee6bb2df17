"""Which trained model a provider works with: a local folder or a repository of the Hugging Face hub. Light.

A folder is an absolute path. A repository is `owner/name` or `owner/name@revision`; it is fetched once, by
the first job, and kept in the hub's own cache. Nothing here opens a weight.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path

MUSICGEN, DEMUCS = "musicgen", "demucs"
PACKAGES = {MUSICGEN: ("torch", "transformers", "safetensors"), DEMUCS: ("torch", "demucs", "safetensors")}
"""What must be importable where a provider's jobs run; all of it is of the extra `ml`."""
HOW_TO_INSTALL = "pip install -r requirements-ml.txt (the extra ml)"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w.-]{1,100})?")


class BadModel(ValueError):
    """A model that cannot be used as it was named; the message is a sentence without the setting's name."""


@dataclass(frozen=True)
class ModelChoice:
    """`weights` is of a folder: it changes when a file in it does. `threads` is how many a job may use; with
    more or fewer it is the same model."""

    provider: str
    source: str
    is_folder: bool
    weights: str = ""
    threads: int = field(default=1, compare=False)

    @property
    def name(self) -> str:
        """What results show: the repository, of a folder its own name and never where it lies."""
        return Path(self.source).name if self.is_folder else self.source

    @property
    def identity(self) -> dict[str, str]:
        """What the model is. A name of the hub without a revision is whatever the hub has then."""
        return {"provider": self.provider, "model": self.source, "weights": self.weights}

    @property
    def repository(self) -> tuple[str, str | None]:
        """The hub's name and the revision, None for the newest."""
        name, _, revision = self.source.partition("@")
        return name, revision or None


def choice(provider: str, named: str, threads: int = 1) -> ModelChoice:
    """The model that a setting names. Raises BadModel for a folder that is not there, and for no name."""
    if not is_folder(named):
        if not _HUB_NAME.fullmatch(named):
            raise BadModel(f"must be an absolute folder or a name as owner/model, not {named!r}")
        return ModelChoice(provider, named, False, threads=threads)
    try:
        folder = Path(named).expanduser()
    except RuntimeError as error:
        raise BadModel(f"names a home folder that is not there: {named!r}") from error
    if not folder.is_dir():
        raise BadModel(f"names a folder that is not there: {named!r}")
    if not any(folder.glob("*.safetensors")):
        raise BadModel(f"names a folder without weights (*.safetensors): {named!r}")
    return ModelChoice(provider, str(folder), True, _fingerprint(folder), threads)


def is_folder(named: str) -> bool:
    return named.startswith(("/", "~"))


def lacking(provider: str) -> list[str]:
    """The packages that this provider needs and that are not installed. Imports none of them."""
    return [package for package in PACKAGES[provider] if importlib.util.find_spec(package) is None]


def _fingerprint(folder: Path) -> str:
    """Of names, sizes and times: reading gigabytes at each start would be slow."""
    files = sorted((path.name, path.stat()) for path in folder.iterdir() if path.is_file())
    told = [f"{name} {found.st_size} {found.st_mtime_ns}" for name, found in files]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
