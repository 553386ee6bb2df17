"""Every setting, read once from the environment. A setting that is not known here is refused by name.

| variable | default | meaning |
|---|---|---|
| STARLING_HOME | ~/.local/share/starling | data of the embedded engines, stored files, scratch space |
| DATABASE_URL | embedded | postgresql://user:password@host:port/database |
| REDIS_URL | embedded | redis://host:port/0, rediss:// or unix:///path |
| STORAGE_URL | a folder of the home | s3://bucket/prefix, gs://, az://, file:///folder |
| STARLING_PUBLIC_URL | (relative addresses) | what clients see this server as: https://starling.example |
| STARLING_CORS_ORIGINS | (localhost only) | further origins that browsers may call from, comma separated |
| STARLING_ALLOWED_HOSTS | | further Host names that are answered, comma separated |
| STARLING_ALLOW_OPEN | no | yes: serve without accounts to other machines too |
| STARLING_API_PROCESSES | 1 | API processes of `starling serve`, 1..64 |
| STARLING_WORKERS | 1 | worker processes of `starling serve` |
| STARLING_WORKER_SLOTS | 2 | jobs that one worker runs at a time, 1..64 |
| STARLING_DATABASE_POOL | 10 | connections to the database of one process, 2..100 |
| STARLING_CHILD_MEMORY_MB | 2048 | memory that one render child may use, 256..65536 |
| STARLING_MUSIC_PROVIDER | composer | musicgen: who makes music, of the extra `ml` |
| STARLING_MUSICGEN_MODEL | facebook/musicgen-small | a local folder, or owner/name[@revision] of the hub |
| STARLING_MUSICGEN_MELODY_MODEL | facebook/musicgen-melody | the same, for pieces that follow a recording |
| STARLING_STEMS_PROVIDER | separator | demucs: who parts songs, of the extra `ml` |
| STARLING_DEMUCS_MODEL | adefossez/HTDemucs | the same as STARLING_MUSICGEN_MODEL |
| STARLING_MODEL_MEMORY_MB | 16384 | memory that one child with a trained model may use, 256..1048576 |
| STARLING_RETENTION_DAYS | 0 (never) | ended jobs and what they made go after so many days, 1..36500 |
| STARLING_MAX_SYSTEMS | 1000 | particle systems of one owner |
| STARLING_MAX_PENDING_JOBS | 10000 | waiting jobs of one owner |
| STARLING_MAX_AUDIO_MB, _IMAGE_MB, _VIDEO_MB | 200, 10, 2048 | size of one upload |
| STARLING_WEBHOOK_SECRET | (no callbacks) | signs callbacks; 16 characters or more, two while they change |
| STARLING_WEBHOOK_ALLOW_PRIVATE | no | yes: callbacks may go inside the network, and to any port |
| STARLING_COMPILED_SELECTIONS | yes | no: GraphQL answers are completed by graphql-core alone |
| STARLING_LOG_LEVEL | INFO | DEBUG, INFO, WARNING, ERROR |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domain import webhooks
from domain.ports import Limits
from render.ml.models import DEMUCS, MUSICGEN

PREFIX = "STARLING_"
DEFAULT_HOME = Path("~/.local/share/starling")
MEGABYTE = 1024**2


class BadSetting(ValueError):
    """A setting that is unknown or cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    home: Path
    database_url: str | None = None
    redis_url: str | None = None
    storage_url: str = ""
    public_url: str = ""
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    allow_open: bool = False
    api_processes: int = 1
    workers: int = 1
    worker_slots: int = 2
    database_pool: int = 10
    child_memory_bytes: int = 2048 * MEGABYTE
    music_provider: str = "composer"
    musicgen_model: str = "facebook/musicgen-small"
    musicgen_melody_model: str = "facebook/musicgen-melody"
    stems_provider: str = "separator"
    demucs_model: str = "adefossez/HTDemucs"
    model_memory_bytes: int = 16384 * MEGABYTE
    webhook_keys: tuple[bytes, ...] = field(default=(), repr=False)
    webhook_allow_private: bool = False
    retention_days: int = 0
    compiled_selections: bool = True
    log_level: str = "INFO"
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read what is set; an empty variable counts as not set. Raises BadSetting."""
        known = {*_READERS, *_LIMITS}
        for name in sorted(environ):
            if name.startswith(PREFIX) and name not in known:
                raise BadSetting(f"{name} is not a setting; known are {', '.join(sorted(known))}")
        given = {name: text for name in known if (text := environ.get(name, "").strip())}
        values = {
            name: read(variable, given[variable])
            for variable, (name, read) in _READERS.items()
            if variable in given
        }
        limits = {
            name: _whole(variable, given[variable], 1, 1_000_000_000) * unit
            for variable, (name, unit) in _LIMITS.items()
            if variable in given
        }
        values.setdefault("home", _default_home())
        return cls(**values, limits=Limits(**limits))

    @property
    def files_folder(self) -> Path:
        return self.home / "files"

    @property
    def scratch_folder(self) -> Path:
        """What is staged: on the file system of the stored files, so that publishing is a rename."""
        return self.home / "scratch"


def _default_home() -> Path:
    try:
        return DEFAULT_HOME.expanduser()
    except RuntimeError as error:
        raise BadSetting("This user has no home folder: set STARLING_HOME.") from error


def _whole(name: str, text: str, least: int, most: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise BadSetting(f"{name} must be a whole number of {least} to {most}, not {text!r}")
    return value


def _between(least: int, most: int, unit: int = 1) -> Callable[[str, str], int]:
    return lambda name, text: _whole(name, text, least, most) * unit


def _yes(name: str, text: str) -> bool:
    if text.lower() in ("1", "yes", "true", "on"):
        return True
    if text.lower() in ("0", "no", "false", "off"):
        return False
    raise BadSetting(f"{name} must be yes or no, not {text!r}")


def _one_of(*words: str) -> Callable[[str, str], str]:
    def read(name: str, text: str) -> str:
        if text.lower() not in words:
            raise BadSetting(f"{name} must be {' or '.join(words)}, not {text!r}")
        return text.lower()

    return read


def _text(name: str, text: str) -> str:
    return text


def _folder(name: str, text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise BadSetting(f"{name} must be an absolute path, not {text!r}")
    return path


def _database(name: str, text: str) -> str:
    if urlsplit(text).scheme not in ("postgresql", "postgres"):
        raise BadSetting(f"{name} must begin with postgresql://")
    return text


def _redis(name: str, text: str) -> str:
    if urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise BadSetting(f"{name} must begin with redis://, rediss:// or unix://")
    return text


def _storage(name: str, text: str) -> str:
    if "://" not in text:
        raise BadSetting(f"{name} must be a URL like s3://bucket/prefix")
    return text


def _origin(name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting(f"{name}: {text!r} is no address like https://starling.example")
    return text.rstrip("/")


def _origins(name: str, text: str) -> tuple[str, ...]:
    return tuple(_origin(name, part) for part in _words(name, text))


def _words(name: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _keys(name: str, text: str) -> tuple[bytes, ...]:
    """The message of a refusal never shows a secret."""
    secrets = text.replace(",", " ").split()
    if not 1 <= len(secrets) <= webhooks.MOST_SECRETS:
        raise BadSetting(f"{name} must be one secret or {webhooks.MOST_SECRETS}, comma or space separated")
    try:
        return tuple(webhooks.key_of(secret) for secret in secrets)
    except webhooks.BadSecret as error:
        raise BadSetting(f"{name}: {error}") from None


def _level(name: str, text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise BadSetting(f"{name} must be DEBUG, INFO, WARNING or ERROR, not {text!r}")
    return text.upper()


api_processes = _between(1, 64)  # the command line has it too

_READERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "STARLING_HOME": ("home", _folder),
    "DATABASE_URL": ("database_url", _database),
    "REDIS_URL": ("redis_url", _redis),
    "STORAGE_URL": ("storage_url", _storage),
    "STARLING_PUBLIC_URL": ("public_url", _origin),
    "STARLING_CORS_ORIGINS": ("cors_origins", _origins),
    "STARLING_ALLOWED_HOSTS": ("allowed_hosts", _words),
    "STARLING_ALLOW_OPEN": ("allow_open", _yes),
    "STARLING_API_PROCESSES": ("api_processes", api_processes),
    "STARLING_WORKERS": ("workers", _between(0, 64)),
    "STARLING_WORKER_SLOTS": ("worker_slots", _between(1, 64)),
    "STARLING_DATABASE_POOL": ("database_pool", _between(2, 100)),
    "STARLING_CHILD_MEMORY_MB": ("child_memory_bytes", _between(256, 65536, MEGABYTE)),
    "STARLING_MUSIC_PROVIDER": ("music_provider", _one_of("composer", MUSICGEN)),
    "STARLING_MUSICGEN_MODEL": ("musicgen_model", _text),
    "STARLING_MUSICGEN_MELODY_MODEL": ("musicgen_melody_model", _text),
    "STARLING_STEMS_PROVIDER": ("stems_provider", _one_of("separator", DEMUCS)),
    "STARLING_DEMUCS_MODEL": ("demucs_model", _text),
    "STARLING_MODEL_MEMORY_MB": ("model_memory_bytes", _between(256, 1_048_576, MEGABYTE)),
    "STARLING_WEBHOOK_SECRET": ("webhook_keys", _keys),
    "STARLING_WEBHOOK_ALLOW_PRIVATE": ("webhook_allow_private", _yes),
    "STARLING_RETENTION_DAYS": ("retention_days", _between(0, 36_500)),
    "STARLING_COMPILED_SELECTIONS": ("compiled_selections", _yes),
    "STARLING_LOG_LEVEL": ("log_level", _level),
}
_LIMITS: dict[str, tuple[str, int]] = {
    "STARLING_MAX_SYSTEMS": ("max_systems_per_owner", 1),
    "STARLING_MAX_PENDING_JOBS": ("max_pending_jobs_per_owner", 1),
    "STARLING_MAX_AUDIO_MB": ("max_audio_bytes", MEGABYTE),
    "STARLING_MAX_IMAGE_MB": ("max_image_bytes", MEGABYTE),
    "STARLING_MAX_VIDEO_MB": ("max_video_bytes", MEGABYTE),
}
