"""A request as a job: the provider and the model that it is accepted for, and what the piece depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domain import models
from domain.jobs import NewJob
from domain.music.asked import filenames_of
from domain.music.providers import Provider
from domain.particles.films import content_hash
from render.ml.models import ModelChoice


def accepted(
    asked: NewJob,
    provider: Provider,
    model: ModelChoice | None,
    request: dict[str, Any],
    *,
    params: Mapping[str, Any],
    depends_on: Mapping[str, Any] | None,
) -> NewJob:
    """What was asked for with all that a worker needs: `params` beside what every piece has. `depends_on` is
    what the piece depends on beside that; None for one that no earlier result may answer.
    """
    identity = {
        "kind": asked.kind,
        "provider": provider.name,
        "version": provider.version,
        "request": request,
        **models.depended_on(model),
    }
    said = {
        "provider": provider.name,
        **models.params_of(model),
        "request": request,
        "filenames": filenames_of(request),
    }
    key = None if depends_on is None else content_hash({**identity, **depends_on})
    return replace(asked, params={**said, **params}, cache_key=key)
