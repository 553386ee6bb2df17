"""What is asked of a piece: bad input named, words before arguments, seeds drawn and kept, names of files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain import music
from domain.errors import InvalidInput, Unavailable
from domain.music import PROVIDERS, NewPiece, provider_named
from domain.music.asked import filenames_of, request_of
from render.music.catalogue import GENRES
from render.music.made import TYPES
from render.music.parameters import MusicParameters

COMPOSER = PROVIDERS["composer"]
PIECE = NewPiece("a quiet evening")


def asked(**given: Any) -> dict[str, Any]:
    return request_of(replace(PIECE, **given), COMPOSER)


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("prompt", "", "1 to 10000 characters"),
        ("prompt", " \n ", "1 to 10000 characters"),
        ("prompt", "x" * 10_001, "got 10001"),
        ("prompt", "\ufdfa" * 10_000, "at most 10,000 characters, not 180,000"),
        ("prompt", "a\0b", "control characters"),
        ("prompt", "\ud800", "control characters"),
        ("prompt", "no drums, no bass, no chords, no melody", "leaves out every instrument"),
        ("bpm", 59, "60 to 300"),
        ("bpm", 300.5, "60 to 300"),
        ("bpm", float("nan"), "60 to 300"),
        ("duration", 4.9, "5 to 300 seconds"),
        ("duration", 301, "5 to 300 seconds"),
        ("duration", float("inf"), "5 to 300 seconds"),
        ("mood", "x" * 201, "0 to 200 characters"),
        ("mood", "\x07", "control characters"),
        ("key", "H minor", "a letter and a mode"),
        ("key", "A" + " " * 100_000 + "x", "32 characters"),
        ("seed", 2**63, "64 bits"),
    ],
)
def test_bad_input_names_its_field_and_the_limit(field: str, value: object, limit: str) -> None:
    with pytest.raises(InvalidInput, match=limit) as refused:
        asked(**{field: value})
    assert refused.value.field == field
    assert refused.value.message.startswith(field)


@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 10_000,
        "happy " * 1_666,
        "\U0001f525" * 2_000,
        "\u96e8\u306e\u65e5 \u0434\u043e\u0436\u0434\u044c",
        "\u0645\u0648\u0633\u064a\u0642\u0649",
        "A\u0301 la fac\u0327on",
        "%00 <b> '; --",
    ],
)
def test_any_words_make_a_piece(prompt: str) -> None:
    request = asked(prompt=prompt)
    assert MusicParameters.of_json(request["parameters"]).duration == 15.0
    assert all(1 <= len(name) <= 80 for name in filenames_of(request).values())


def test_explicit_words_win_over_the_arguments() -> None:
    said = "techno, 128 bpm, in F# minor, 20 seconds, no melody"
    request = asked(prompt=said, bpm=90, key="C major", duration=10)
    assert (request["bpm"], request["key"], request["duration"]) == (128.0, "F# minor", 20.0)
    assert request["parameters"]["melody"] is None
    plain = asked(bpm=90, key="C major", duration=10)
    assert (plain["bpm"], plain["key"], plain["duration"]) == (90.0, "C major", 10.0)


def test_a_length_in_words_keeps_to_what_the_interface_allows() -> None:
    request = asked(prompt="2 minutes of jazz", longest=30.0)
    assert (request["duration"], request["parameters"]["duration"]) == (30.0, 30.0)
    assert asked(prompt="12 seconds of jazz", longest=30.0)["duration"] == 12.0
    assert asked(prompt="2 minutes of jazz")["duration"] == 120.0
    with pytest.raises(InvalidInput, match="5 to 30 seconds"):
        asked(duration=31, longest=30.0)


@pytest.mark.parametrize("genre", ["pop", "house", "jazz", "ambient"])
def test_a_speed_in_words_wins_over_the_default_tempo_alone(genre: str) -> None:
    slowest, _, fastest = GENRES[genre].bpm
    assert asked(prompt=f"slow {genre}")["bpm"] == slowest
    assert asked(prompt=f"fast {genre}")["bpm"] == fastest
    assert asked(prompt=f"slow {genre}", bpm=121.0)["bpm"] == 121.0


def test_a_model_that_hears_words_is_told_no_default_against_them() -> None:
    told = request_of(NewPiece("slow pop"), PROVIDERS["musicgen"])
    assert "bpm" not in told["parameters"]["text"]
    assert told["bpm"] is None
    assert request_of(NewPiece("pop"), PROVIDERS["musicgen"])["bpm"] == 120.0


def test_a_seed_is_drawn_where_none_is_given_and_kept_where_one_is() -> None:
    drawn = [asked()["seed"] for _ in range(8)]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= seed < 2**31 for seed in drawn)
    assert asked(seed=7) == asked(seed=7)
    assert asked(seed=-7)["parameters"]["seed"] == -7


def test_nothing_said_is_the_default() -> None:
    request = asked(bpm=None, mood=None, duration=None, key="", seed=1)
    assert (request["mood"], request["duration"]) == ("neutral", 15.0)
    assert request["key"] == request["parameters"]["key"]


def test_files_are_called_after_the_first_words() -> None:
    names = filenames_of(asked(prompt="Upbeat, electronic: DANCE music for people who run"))
    assert set(names) == set(TYPES)
    assert names["audio"] == "upbeat-electronic-dance-music-for-people.flac"
    assert names["drums"] == "upbeat-electronic-dance-music-for-people_drums.flac"
    assert names["midi"] == "upbeat-electronic-dance-music-for-people.mid"
    assert filenames_of(asked(prompt="\U0001f525"))["audio"] == "pop.flac"


def test_there_are_ten_genres_at_least_and_a_prompt_may_name_each() -> None:
    genres = music.genres()
    assert len(set(genres)) == len(genres) >= 10
    for genre in genres:
        assert asked(prompt=genre)["parameters"]["genre"] == genre


def test_a_provider_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(Unavailable, match="no music provider 'nobody'"):
        provider_named("nobody")
