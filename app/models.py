"""The trained models that the settings choose, or a sentence why one cannot be used: nothing falls back."""

from __future__ import annotations

import os

from app.refusals import DoesNotStart
from app.settings import Settings
from domain.ports import Models
from render.ml.models import DEMUCS, HOW_TO_INSTALL, MUSICGEN, BadModel, ModelChoice, choice, lacking

_CHOSEN_BY = {MUSICGEN: "STARLING_MUSIC_PROVIDER=musicgen", DEMUCS: "STARLING_STEMS_PROVIDER=demucs"}


def models_of(settings: Settings) -> Models:
    """Raises DoesNotStart, naming the setting, for a model that cannot be what is meant."""
    threads = max(1, len(os.sched_getaffinity(0)) // settings.worker_slots)

    def chosen(provider: str, variable: str, named: str) -> ModelChoice:
        try:
            return choice(provider, named, threads)
        except BadModel as error:
            raise DoesNotStart(f"{variable} {error}.") from error

    music = melody = stems = None
    if settings.music_provider == MUSICGEN:
        music = chosen(MUSICGEN, "STARLING_MUSICGEN_MODEL", settings.musicgen_model)
        melody = chosen(MUSICGEN, "STARLING_MUSICGEN_MELODY_MODEL", settings.musicgen_melody_model)
    if settings.stems_provider == DEMUCS:
        stems = chosen(DEMUCS, "STARLING_DEMUCS_MODEL", settings.demucs_model)
    return Models(music, melody, stems)


def refuse_lacking(models: Models) -> None:
    """Raises DoesNotStart where a chosen provider's packages are not installed: for who runs its jobs."""
    for model in (models.music, models.stems):
        if model is not None and (packages := lacking(model.provider)):
            raise DoesNotStart(
                f"{_CHOSEN_BY[model.provider]} needs {', '.join(packages)}, which this Python does not have: "
                f"{HOW_TO_INSTALL}."
            )
