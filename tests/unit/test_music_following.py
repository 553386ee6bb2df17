"""What is asked of a piece that follows a recording: its job, what it is cached by, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from db.assets import Asset
from domain import music
from domain.accounts import Viewer, local_owner
from domain.errors import InvalidInput, NotFound, Unavailable
from domain.jobs import JobOptions
from domain.music import NewPiece, Provider, providers
from domain.ports import Services
from tests.support.music import somebody_else
from tests.support.rows import an_asset

pytestmark = pytest.mark.usefixtures("database")
PIECE = NewPiece("", seed=7)


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


async def test_the_row_says_what_was_asked_and_what_it_comes_to(viewer: Viewer, services: Services) -> None:
    audio = await an_asset(viewer)
    piece = replace(PIECE, prompt="jazz, 90 bpm", key=" Eb minor ")
    job = await music.follow(viewer, audio.id, piece, services=services)
    assert job.kind == "MELODY_TO_MUSIC"
    assert job.subject_id == job.params["audio_id"] == str(audio.id)
    request = job.params["request"]
    assert request["asked"] == {"bpm": 120.0, "key": "Eb minor", "duration": 15.0}
    assert (request["bpm"], request["key"], request["prompt"]) == (90.0, "Eb minor", "jazz, 90 bpm")
    assert job.params["filenames"]["melody"] == "jazz-90-bpm_melody.flac"


async def test_it_is_cached_by_the_recordings_content_and_all_that_was_asked(
    viewer: Viewer, services: Services
) -> None:
    async def key(audio: Asset, **given: Any) -> str:
        job = await music.follow(viewer, audio.id, replace(PIECE, **given), services=services)
        assert job.cache_key is not None
        return str(job.cache_key)

    audio = await an_asset(viewer)
    copy = await an_asset(viewer, sha256=audio.sha256, filename="copy.wav")
    assert await key(audio) == await key(copy)
    others = [await key(await an_asset(viewer)), await key(audio, seed=8), await key(audio, bpm=119.0)]
    # The default and the same in words resolve alike, and are followed differently.
    others += [
        await key(audio, prompt="120 bpm"),
        await key(audio, bpm=None),
        await key(audio, key="C major"),
    ]
    assert len({await key(audio), *others}) == 7


@pytest.mark.parametrize("seconds", [0.0, 0.9, 120.6, 3600.0])
async def test_a_recording_that_is_too_short_or_too_long(
    viewer: Viewer, services: Services, seconds: float
) -> None:
    audio = await an_asset(viewer, duration=seconds)
    with pytest.raises(InvalidInput, match="audio_id must be a recording of 1 to 120 seconds") as refused:
        await music.follow(viewer, audio.id, PIECE, services=services)
    assert refused.value.field == "audio_id"


@pytest.mark.parametrize("seconds", [1.0, 120.0, None])
async def test_a_recording_of_a_length_that_is_taken_or_not_told(
    viewer: Viewer, services: Services, seconds: float | None
) -> None:
    audio = await an_asset(viewer, duration=seconds)
    assert (await music.follow(viewer, audio.id, PIECE, services=services)).state == "PENDING"


async def test_a_provider_that_follows_nothing_says_so(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Provider("deaf", "tests.support.music_maker:whole", "1", 60.0)
    monkeypatch.setattr(providers, "PROVIDERS", {"deaf": deaf})
    audio = await an_asset(viewer)
    with pytest.raises(Unavailable, match="deaf follows no melody"):
        await music.follow(viewer, audio.id, PIECE, services=replace(services, music_provider="deaf"))


async def test_what_is_not_ones_own_or_has_no_sound(viewer: Viewer, services: Services) -> None:
    foreign = await an_asset(await somebody_else())
    with pytest.raises(NotFound):
        await music.follow(viewer, foreign.id, PIECE, services=services)
    picture = await an_asset(viewer, kind="IMAGE", channels=None)
    with pytest.raises(InvalidInput, match="there is no audio"):
        await music.follow(viewer, picture.id, PIECE, JobOptions(), services=services)
