"""Which trained model a job was accepted for, as its params say it, and what its result depends on by it."""

from __future__ import annotations

from typing import Any

from domain.particles.films import content_hash
from domain.ports import Models
from render.ml.models import ModelChoice

HASH = "model_hash"  # of what the model is, not of what it is called: two folders may have one name
THREADS = "threads"


def params_of(model: ModelChoice | None) -> dict[str, Any]:
    """Nothing for a provider of our own."""
    if model is None:
        return {}
    return {"model": model.name, HASH: hash_of(model), THREADS: model.threads}


def depended_on(model: ModelChoice | None) -> dict[str, Any]:
    """The part of a cache key that is the model's: also its threads, since sums of floating-point numbers
    depend on how they are shared out."""
    return {} if model is None else {**model.identity, THREADS: model.threads}


def hash_of(model: ModelChoice) -> str:
    """Of provider, source and weights."""
    return content_hash(dict(model.identity))


def by_hash(models: Models) -> dict[str, ModelChoice]:
    """Those that a worker works with."""
    chosen = (models.music, models.melody, models.stems)
    return {hash_of(model): model for model in chosen if model is not None}
