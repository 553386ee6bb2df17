"""File names: whatever a client calls a file, what is kept is short, harmless and has its ending."""

from __future__ import annotations

import unicodedata
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.assets.names import MAX_NAME_CHARACTERS, candidates, clean_name, is_numbered, split_name


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("song.wav", "song.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Music\\Mein Lied.mp3", "Mein Lied.mp3"),
        ("/", "fallback.wav"),
        ("..", "fallback.wav"),
        (" ... ", "fallback.wav"),
        ("", "fallback.wav"),
        ("a\0b\r\nc.wav", "abc.wav"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("e\u0301te\u0301.flac", "été.flac"),
        ("\ud800x.wav", "x.wav"),
        (".hidden", ".hidden"),
        ("音楽.ogg", "音楽.ogg"),
    ],
)
def test_clean_names(said: str, kept: str) -> None:
    assert clean_name(said, "fallback.wav") == kept


def test_a_long_name_keeps_its_ending() -> None:
    name = clean_name("x" * 5000 + ".wav", "fallback")
    assert len(name) == MAX_NAME_CHARACTERS
    assert name.endswith("x.wav")
    assert len(clean_name("y" * 300 + "." + "z" * 300, "fallback")) == MAX_NAME_CHARACTERS


def test_candidates() -> None:
    assert list(islice(candidates("a.wav"), 3)) == ["a.wav", "a-2.wav", "a-3.wav"]
    assert list(islice(candidates("a"), 2)) == ["a", "a-2"]
    assert list(islice(candidates(".hidden"), 2)) == [".hidden", ".hidden-2"]
    longest = "x" * 196 + ".wav"
    assert list(islice(candidates(longest), 2))[1] == "x" * 194 + "-2.wav"


def test_numbered_names() -> None:
    assert is_numbered("a.wav", "a.wav")
    assert is_numbered("a-12.wav", "a.wav")
    assert not is_numbered("ab.wav", "a.wav")
    assert not is_numbered("a-2.mp3", "a.wav")
    assert not is_numbered("a.wav", "a-2.wav")


@given(st.text(max_size=400))
def test_any_name_is_safe(said: str) -> None:
    name = clean_name(said, "file")
    assert 1 <= len(name) <= MAX_NAME_CHARACTERS
    assert not {"/", "\\", "\0", "\n", "\r"} & set(name)
    assert name.strip(".")
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    name.encode()


@given(st.text(min_size=1, max_size=220))
@example("song.")
def test_candidates_are_distinct_and_belong_together(said: str) -> None:
    plain = clean_name(said, "file")
    first = list(islice(candidates(plain), 12))
    assert len(set(first)) == 12
    assert all(len(name) <= MAX_NAME_CHARACTERS and is_numbered(name, plain) for name in first)
    assert "".join(split_name(plain)) == plain
