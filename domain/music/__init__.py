"""Music that is made here: a sentence becomes a piece, as a job, and goes into a repository where that is
wanted.

What is asked for is resolved when it is submitted (`asked`), so the job's row says all that the piece
depends on; which maker plays it is a setting (`providers`).
"""

from __future__ import annotations

from domain.music.asked import MAX_BPM, MIN_BPM, NewPiece
from domain.music.committing import commit_piece, topics_of
from domain.music.following import follow, follow_song, store_hum
from domain.music.generating import MAX_BATCH, generate, generate_batch, genres
from domain.music.providers import PROVIDERS, Provider, provider_named

__all__ = [
    "MAX_BATCH",
    "MAX_BPM",
    "MIN_BPM",
    "PROVIDERS",
    "NewPiece",
    "Provider",
    "commit_piece",
    "follow",
    "follow_song",
    "generate",
    "generate_batch",
    "genres",
    "provider_named",
    "store_hum",
    "topics_of",
]
