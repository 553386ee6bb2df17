"""Weights into memory, in a child process: fetched once, refused unless safetensors, kept between jobs.

A pickle is a program, so no pickled weights (`.bin`, `.pt`, `.th`) are ever fetched or opened, and no code
of a model's repository runs.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import disable_progress_bars

from render.errors import ModelAway, ModelUnusable
from render.ml.models import ModelChoice

Report = Callable[[float, str | None], None]
Loaded = TypeVar("Loaded")

log = logging.getLogger(__name__)

FETCHED = ("*.json", "*.txt", "*.model", "*.yaml", "*.safetensors")
LONGEST_LOAD_SECONDS = 3600.0  # gigabytes over a slow line; then silence counts as a stall again
_SIGN_OF_LIFE_SECONDS = 5.0
_kept: dict[ModelChoice, Any] = {}
_commits: dict[ModelChoice, str] = {}


def loaded(choice: ModelChoice, load: Callable[[Path], Loaded], report: Report) -> Loaded:
    """What `load` makes of the model's folder. The last one stays in this process; another takes its place.

    Raises ModelAway where the hub does not give it now, ModelUnusable where it cannot be loaded.
    """
    torch.set_num_threads(choice.threads)
    if choice not in _kept:
        _kept.clear()
        _commits.clear()
        gc.collect()
        with _signs_of_life(report, f"loading {choice.name}"):
            _kept[choice] = _loaded(choice, load)
    found: Loaded = _kept[choice]
    return found


def told_of(choice: ModelChoice) -> dict[str, str]:
    """What a result says of the model that is loaded. `model_commit` is the hub's: a name without a revision,
    or with a branch, is another model tomorrow.
    """
    return {"model": choice.name, **({"model_commit": _commits[choice]} if choice in _commits else {})}


def _loaded(choice: ModelChoice, load: Callable[[Path], Loaded]) -> Loaded:
    folder = _folder(choice)
    if not choice.is_folder:
        _commits[choice] = folder.name  # so the hub's client lays its cache out
    if not any(folder.glob("*.safetensors")):
        raise ModelUnusable(
            f"The model {choice.name} has no weights in safetensors; pickled ones are refused."
        )
    try:
        return load(folder)
    except Exception as error:  # of a library that was given weights that it cannot use: it may be any
        log.warning("the model %s cannot be loaded: %s: %s", choice.name, type(error).__name__, error)
        raise ModelUnusable(f"The model {choice.name} cannot be loaded.") from error


def _folder(choice: ModelChoice) -> Path:
    if choice.is_folder:
        return Path(choice.source)
    name, revision = choice.repository
    disable_progress_bars()  # each of their lines would be a line of the log
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FETCHED)))
    except RepositoryNotFoundError as error:
        raise ModelUnusable(f"The hub has no model {choice.name} that may be read.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        log.warning("the model %s could not be fetched: %s: %s", choice.name, type(error).__name__, error)
        raise ModelAway(f"The model {choice.name} could not be fetched.") from error


@contextmanager
def _signs_of_life(report: Report, sentence: str) -> Iterator[None]:
    """Loading reports nothing by itself, and a job without a sign of life counts as stalled."""
    is_over = threading.Event()

    def go() -> None:
        for _ in range(int(LONGEST_LOAD_SECONDS / _SIGN_OF_LIFE_SECONDS)):
            report(0.0, sentence)
            if is_over.wait(_SIGN_OF_LIFE_SECONDS):
                return

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
