"""Which trained model a run works with: the one that its job was accepted for, and no other."""

from __future__ import annotations

from dataclasses import replace

from domain import models
from domain.errors import Unavailable
from render.ml.models import ModelChoice
from workers.run import Run


def model_of(run: Run) -> ModelChoice | None:
    """None for a job of our own provider, whatever this worker has chosen since; with the threads that the
    job was accepted with.

    Raises Unavailable where this worker does not have the job's model; the runner claims no such job.
    """
    if "model" not in run.params:
        return None
    chosen = models.by_hash(run.services.models).get(run.params[models.HASH])
    if chosen is None:
        raise Unavailable(
            f"This worker does not work with {run.params['provider']} and the model {run.params['model']}"
        )
    return replace(chosen, threads=run.params[models.THREADS])
