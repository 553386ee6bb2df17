"""Which trained model a run works with: the one that its job was accepted for, and no other."""

from __future__ import annotations

from domain.errors import Unavailable
from render.ml.models import ModelChoice
from workers.run import Run


def model_of(run: Run, chosen: ModelChoice | None) -> ModelChoice | None:
    """None for a job of our own provider, whatever this worker has chosen since.

    `chosen` is this worker's. Raises Unavailable where the job's model is not the one.
    """
    wanted = run.params.get("model")
    if wanted is None:
        return None
    provider = run.params["provider"]
    if chosen is None or (chosen.provider, chosen.name) != (provider, wanted):
        raise Unavailable(f"This worker does not work with {provider} and the model {wanted}")
    return chosen
