"""The documented JSON of the particles family: what its bodies look like, and how rows become them."""

# No `from __future__ import annotations`: FastAPI reads these annotations while it builds the schema.
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from db.assets import Asset
from db.jobs import Job
from domain import particles
from domain.particles import ParticleSystem, ParticleType
from domain.particles.cut import film_seconds


class CreateRequest(BaseModel):
    particle_type: str = Field(examples=["snow"])
    config: dict[str, Any] | None = Field(
        default=None, description="Any of the config fields; absent ones keep their defaults."
    )


class ConfigRequest(BaseModel):
    config: dict[str, Any] = Field(description="Merges over the config: absent keys stay.")


class RenderBody(BaseModel):
    output_path: str | None = Field(default=None, description="Sets the download's file name.")
    audio_path: str | None = Field(
        default=None, description="A stored asset: its path, URL, key, id or file name."
    )
    system_id: str | None = None


class EnhancedMode(BaseModel):
    active: bool
    threshold: float
    factor: float


class StatusConfig(BaseModel):
    width: int
    height: int
    fps: int
    duration: float
    bass_threshold: float
    enhanced_mode: EnhancedMode


class Status(BaseModel):
    particle_type: str
    particle_count: int
    max_particles: int
    config: StatusConfig
    audio_loaded: bool


class System(BaseModel):
    system_id: str
    particle_type: str
    status: Status
    created_at: str


class Type(BaseModel):
    type: str
    name: str
    description: str
    features: list[str]


class Refused(BaseModel):
    """Every error of this family."""

    detail: str


class Message(BaseModel):
    message: str


class Changed(BaseModel):
    message: str
    status: Status


class RenderStarted(BaseModel):
    job_id: str
    message: str
    output_path: str


class RenderJob(BaseModel):
    """`output_path` and `completed_at` appear when it is completed, `error` and `failed_at` when failed."""

    job_id: str
    system_id: str
    status: Literal["queued", "rendering", "completed", "failed"]
    progress: int = Field(ge=0, le=100)
    created_at: str
    output_path: str | None = None
    completed_at: str | None = None
    error: str | None = None
    failed_at: str | None = None


class Metrics(BaseModel):
    active_systems: int
    queued_jobs: int
    rendering_jobs: int
    completed_jobs: int
    failed_jobs: int
    average_render_seconds: float | None
    error_rate: float
    storage_bytes: int


class Health(BaseModel):
    status: str
    active_systems: int
    active_jobs: int
    available_types: int


def status_of(system: ParticleSystem, audio: Asset | None) -> Status:
    """The documented status object. `duration` is the film's: as given, else its audio's, else 10 s."""
    config = particles.config_of(system)
    return Status(
        particle_type=system.particle_type.lower(),
        particle_count=config.particle_count,
        max_particles=config.max_particles,
        config=StatusConfig(
            width=config.width,
            height=config.height,
            fps=config.fps,
            duration=film_seconds(config, audio),
            bass_threshold=config.bass_threshold,
            enhanced_mode=EnhancedMode(
                active=config.enhanced_mode.active,
                threshold=config.enhanced_mode.threshold,
                factor=config.enhanced_mode.factor,
            ),
        ),
        audio_loaded=audio is not None,
    )


def system_of(system: ParticleSystem, audio: Asset | None) -> System:
    return System(
        system_id=str(system.id),
        particle_type=system.particle_type.lower(),
        status=status_of(system, audio),
        created_at=iso(system.created_at),
    )


_STATUSES: dict[str, Literal["queued", "rendering", "completed", "failed"]] = {
    "PENDING": "queued",
    "PROCESSING": "rendering",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELLED": "failed",
}


def job_of(job: Job) -> RenderJob:
    """This family documents no cancelled state: a cancelled job is failed, with the error `Cancelled`."""
    shape = RenderJob(
        job_id=str(job.id),
        system_id=job.params["system_id"],
        status=_STATUSES[job.state],
        progress=100 if job.state == "COMPLETED" else int(job.progress),
        created_at=iso(job.created_at),
    )
    ended = None if job.completed_at is None else iso(job.completed_at)
    if shape.status == "completed":
        shape.output_path, shape.completed_at = job.params["filename"], ended
    elif shape.status == "failed":
        shape.error, shape.failed_at = _error_of(job), ended
    return shape


def _error_of(job: Job) -> str:
    return "Cancelled" if job.state == "CANCELLED" else str((job.error or {}).get("message", "Failed"))


TYPE_NAMES = [info.type.value.lower() for info in particles.TYPES]
TYPES = [
    Type(
        type=info.type.value.lower(),
        name=info.name,
        description=info.description,
        features=list(info.features),
    )
    for info in particles.TYPES
]


def type_named(name: str) -> ParticleType | None:
    return ParticleType(name.upper()) if name in TYPE_NAMES else None


def iso(moment: datetime) -> str:
    """ISO 8601, UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
