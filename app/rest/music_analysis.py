"""`POST /api/ai/analyze-audio`: what a stored track is as music, in the fourth family's words."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from app.rest.edge import services_of
from app.viewer import viewer_of
from domain import audio_analysis

MAX_PATH_CHARACTERS = 4096

router = APIRouter()


class AnalyzedAudio(BaseModel):
    status: str = "success"
    bpm: int | None = Field(description="Beats a minute, rounded; null where there is no beat.")
    tempo: float | None = Field(description="The same, exact.")
    tempo_confidence: float = Field(description="0 to 1.")
    tempo_candidates: list[float]
    key_signature: str | None = Field(description="Such as `A minor`; null where there is no key.")
    key_confidence: float = Field(description="0 to 1.")
    duration: float = Field(description="Seconds.")
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    beats: list[float] = Field(description="Seconds.")
    downbeats: list[float] = Field(description="Seconds.")
    energy: list[float] = Field(description="0 to 1, one value a beat.")


@router.post("/analyze-audio")
async def analyze_audio(
    request: Request,
    file_path: Annotated[
        str,
        Query(
            max_length=MAX_PATH_CHARACTERS,
            description="A stored file: the path, URL or id that an upload or a result gave, or its name.",
        ),
    ],
) -> AnalyzedAudio:
    """Answers at once for what was analysed before, else when it has been listened to: at most a minute."""
    found = await audio_analysis.analyze_named(
        await viewer_of(request), file_path, "file_path", services=services_of(request)
    )
    facts = found.facts
    return AnalyzedAudio(
        bpm=None if facts["bpm"] is None else round(facts["bpm"]),
        tempo=facts["bpm"],
        tempo_confidence=facts["bpm_confidence"],
        tempo_candidates=facts["bpm_candidates"],
        key_signature=facts["key"],
        key_confidence=facts["key_confidence"],
        duration=facts["duration"],
        loudness_lufs=facts["loudness_lufs"],
        true_peak_dbtp=facts["true_peak_dbtp"],
        beats=facts["beats"],
        downbeats=facts["downbeats"],
        energy=facts["energy"],
    )
