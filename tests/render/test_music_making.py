"""What a worker's child leaves of a piece: files that play, sum and are the same bytes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.errors import RenderError
from render.music.made import PREVIEW, Made, place
from render.music.making import make
from render.music.prompt import resolve
from render.music.sound_files import write_sounds
from tests.support.stem_files import decoded, missing_db

STEMS = ("drums", "bass", "melody", "other")


def request(prompt: str = "techno, 240 bpm", **changed: Any) -> dict[str, Any]:
    parameters = resolve(prompt, duration=5.0, seed=4).as_json()
    return {"prompt": prompt, "parameters": {**parameters, **changed}}


def made(folder: Path, asked: dict[str, Any]) -> tuple[Made, dict[str, bytes]]:
    folder.mkdir()
    found = make(asked, str(folder))
    return found, {role: place(folder, role).read_bytes() for role in found.roles}


def test_a_request_leaves_a_file_for_each_role_and_nothing_else(tmp_path: Path) -> None:
    told: list[float] = []
    facts = make(request(), str(tmp_path), lambda percent, message: told.append(percent))
    assert facts.roles == ("audio", *STEMS, "preview", "midi")
    assert {place(tmp_path, role) for role in facts.roles} == set(tmp_path.iterdir())
    assert (facts.provider, facts.duration, facts.sample_rate, facts.channels) == (
        "starling-composer",
        5.0,
        44_100,
        2,
    )
    mix = decoded(place(tmp_path, "audio"))
    assert len(mix) == 5 * 44_100
    assert missing_db(mix, [decoded(place(tmp_path, stem)) for stem in STEMS]) < -100
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 100.0)


def test_the_same_request_is_the_same_bytes(tmp_path: Path) -> None:
    _, one = made(tmp_path / "one", request())
    _, same = made(tmp_path / "same", request())
    _, other = made(tmp_path / "other", request(seed=5))
    assert one == same
    assert one["audio"] != other["audio"]


def test_what_is_left_out_is_silent(tmp_path: Path) -> None:
    make(request("techno, 240 bpm, no drums, no melody"), str(tmp_path))
    heard = {stem: decoded(place(tmp_path, stem)).any() for stem in STEMS}
    assert heard == {"drums": False, "bass": True, "melody": False, "other": True}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"genre": "polka"}, "genre"),
        ({"bpm": 1000.0}, "bpm"),
        ({"colour": "kazoo"}, "kazoo"),
        ({"x": 1}, "x"),
    ],
)
def test_parameters_of_another_version_are_a_sentence(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RenderError, match=sentence):
        make(request(**changed), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_maker_may_write_a_mix_without_stems(tmp_path: Path, rate_hz: int, channels: int) -> None:
    turn = 2 * np.pi * 440 * np.arange(rate_hz) / rate_hz
    mix = (0.5 * np.sin(turn)).astype(np.float32)[:, None].repeat(channels, axis=1)
    write_sounds(tmp_path, mix, {}, rate_hz)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio.flac", "preview.m4a"]
    assert np.abs(decoded(place(tmp_path, "audio")) - mix).max() < 2**-23
    assert np.abs(decoded(place(tmp_path, PREVIEW))).max() == pytest.approx(0.5, abs=0.1)
