"""The genres by name, in the order in which they are offered. Light."""

from __future__ import annotations

from render.music import genres, genres_played
from render.music.genres import Genre

GENRES: dict[str, Genre] = {
    genre.name: genre
    for genre in (
        genres_played.POP,
        genres.HOUSE,
        genres.TECHNO,
        genres.TRANCE,
        genres.TRAP,
        genres.BOOM_BAP,
        genres.LOFI,
        genres_played.DRUM_AND_BASS,
        genres_played.AMBIENT,
        genres_played.SYNTHWAVE,
        genres_played.FUNK,
        genres_played.ROCK,
        genres_played.JAZZ,
        genres_played.BOSSA,
        genres_played.REGGAE,
        genres_played.CINEMATIC,
    )
}
DEFAULT_GENRE = genres_played.POP.name
