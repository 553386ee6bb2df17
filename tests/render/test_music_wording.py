"""What MusicGen is told: the prompt as it is, and of the arguments what it does not say itself."""

from __future__ import annotations

import pytest

from render.ml.wording import MOST_CHARACTERS, Words, words
from render.music.parameters import InvalidParameter


@pytest.mark.parametrize(
    ("prompt", "mood", "bpm", "key", "expected"),
    [
        ("Lo-fi jazz", "neutral", 120, None, Words("Lo-fi jazz, 120 bpm", 120, None)),
        ("Lo-fi jazz", "sad", None, "a minor", Words("Lo-fi jazz, sad, A minor", None, "A minor")),
        ("jazz at 90 bpm", "sad", 120, None, Words("jazz at 90 bpm, sad", 90.0, None)),
        ("in F# minor", "Neutral ", 97.5, "C major", Words("in F# minor, 97.5 bpm", 97.5, "F# minor")),
        ("  two\n lines ", "", None, None, Words("two lines", None, None)),
        ("🎹 ピアノ", "calm", 60, None, Words("🎹 ピアノ, calm, 60 bpm", 60, None)),
    ],
)
def test_what_the_prompt_says_stays_and_the_rest_is_added(
    prompt: str, mood: str, bpm: float | None, key: str | None, expected: Words
) -> None:
    assert words(prompt, mood, bpm, key) == expected


def test_a_long_prompt_leaves_room_for_what_is_added() -> None:
    found = words("piano " * 1_600, "sad", 90, None)
    assert len(found.text) < MOST_CHARACTERS + 20 and found.text.endswith("sad, 90 bpm")


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="key: is a letter and a mode"):
        words("piano", "sad", 90, "H dur")
