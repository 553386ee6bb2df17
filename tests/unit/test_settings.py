from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import _LIMITS, _READERS, BadSetting, Settings


def test_nothing_is_needed() -> None:
    settings = Settings.from_environ({"HOME": "/home/bird", "PATH": "/bin"})
    assert settings.home == Path("~/.local/share/starling").expanduser()
    assert (settings.database_url, settings.redis_url, settings.storage_url) == (None, None, "")
    assert not settings.allow_open


def test_everything_can_be_set() -> None:
    settings = Settings.from_environ(
        {
            "STARLING_HOME": "/srv/starling",
            "DATABASE_URL": "postgresql://db/songs",
            "REDIS_URL": "rediss://cache/1",
            "STORAGE_URL": "s3://bucket/prefix",
            "STARLING_PUBLIC_URL": "https://starling.example/",
            "STARLING_CORS_ORIGINS": "https://app.example, https://studio.example/",
            "STARLING_ALLOWED_HOSTS": "music.example",
            "STARLING_ALLOW_OPEN": "yes",
            "STARLING_API_PROCESSES": "2",
            "STARLING_WORKERS": "3",
            "STARLING_WORKER_SLOTS": "4",
            "STARLING_DATABASE_POOL": "20",
            "STARLING_CHILD_MEMORY_MB": "512",
            "STARLING_MAX_AUDIO_MB": "5",
            "STARLING_MAX_SYSTEMS": "7",
            "STARLING_MUSIC_PROVIDER": "Composer",
            "STARLING_LOG_LEVEL": "debug",
        }
    )
    assert settings.home == Path("/srv/starling")
    assert settings.files_folder == Path("/srv/starling/files")
    assert settings.public_url == "https://starling.example"
    assert settings.cors_origins == ("https://app.example", "https://studio.example")
    assert settings.allow_open
    assert (settings.api_processes, settings.workers, settings.worker_slots) == (2, 3, 4)
    assert settings.database_pool == 20
    assert settings.child_memory_bytes == 512 * 1024**2
    assert (settings.limits.max_audio_bytes, settings.limits.max_systems_per_owner) == (5 * 1024**2, 7)
    assert settings.music_provider == "composer"
    assert settings.log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("STARLING_WORKER", "3"),  # not known: a letter is missing
        ("STARLING_HOME", "relative/folder"),
        ("DATABASE_URL", "mysql://localhost/songs"),
        ("REDIS_URL", "localhost:6379"),
        ("STORAGE_URL", "/folder"),
        ("STARLING_API_PROCESSES", "0"),
        ("STARLING_API_PROCESSES", "65"),
        ("STARLING_WORKERS", "many"),
        ("STARLING_WORKERS", "-1"),
        ("STARLING_WORKER_SLOTS", "0"),
        ("STARLING_ALLOW_OPEN", "perhaps"),
        ("STARLING_PUBLIC_URL", "starling.example"),
        ("STARLING_CORS_ORIGINS", "https://app.example,*"),
        ("STARLING_LOG_LEVEL", "LOUD"),
        ("STARLING_MAX_AUDIO_MB", "0"),
        ("STARLING_MUSIC_PROVIDER", "nobody"),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=name):
        Settings.from_environ({name: text})


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environ({"DATABASE_URL": "", "STARLING_WORKERS": " "}).workers == 1


def test_no_secret_is_said() -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.from_environ({"DATABASE_URL": "mysql://bird:secret@localhost/songs"})
    assert "secret" not in str(refused.value)


def test_every_setting_is_documented() -> None:
    import app.settings

    assert app.settings.__doc__ is not None
    shortened = {"STARLING_MAX_IMAGE_MB", "STARLING_MAX_VIDEO_MB"}
    for name in {*_READERS, *_LIMITS} - shortened:
        assert name in app.settings.__doc__
