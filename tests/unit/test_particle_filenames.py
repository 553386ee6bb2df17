"""Whatever a client calls its film, the download has a harmless name."""

from __future__ import annotations

import pytest

from domain.particles.filenames import film_filename


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("my_visualization.mp4", "my_visualization.mp4"),
        ("My Film.MP4", "My Film.mp4"),
        ("clip", "clip.mp4"),
        ("clip.mov", "clip.mov.mp4"),
        ("../../etc/passwd", "passwd.mp4"),
        ("C:\\videos\\a.mp4", "a.mp4"),
        ("/abs/olute/b.mp4", "b.mp4"),
        ("a\x00b\r\n.mp4", "ab.mp4"),
        ("\ud800x", "x.mp4"),
        ("Ünï çødé 音楽.mp4", "Ünï çødé 音楽.mp4"),
        ("..", "film.mp4"),
        (".mp4", "film.mp4"),
        ("", "film.mp4"),
        (None, "film.mp4"),
    ],
)
def test_a_film_has_a_harmless_name(wanted: str | None, name: str) -> None:
    assert film_filename(wanted, fallback="film") == name


def test_a_long_name_is_cut_and_keeps_its_ending() -> None:
    name = film_filename("x" * 5000 + ".mp4", fallback="film")
    assert len(name) == 200
    assert name.endswith("x.mp4")
