"""Who can make music: by the word of the setting STARLING_MUSIC_PROVIDER. No provider pretends to be
another.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import Unavailable
from render.ml.models import MUSICGEN
from render.ml.wording import LONGEST_SECONDS
from render.music.parameters import MAX_SECONDS, MUSIC_VERSION


@dataclass(frozen=True)
class Provider:
    """`maker` is the "module:function" that a worker's child runs (`render.music.made`). `version` is raised
    whenever the same request would give another piece. `max_seconds` is the longest one. `follower` makes a
    piece that follows a recording: as a maker, called with the recording's path between request and folder;
    None for a provider that follows none. `pool` are the children that run them; one that is trained is given
    the model of the setting before all else, and hears words alone."""

    name: str
    maker: str
    version: str
    max_seconds: float
    follower: str | None = None
    pool: str = "music"
    is_trained: bool = False


COMPOSER = Provider(
    "composer",
    "render.music.making:make",
    str(MUSIC_VERSION),
    MAX_SECONDS,
    "render.music.following.making:follow",
)
TRAINED = Provider(
    MUSICGEN,
    "render.ml.musicgen:make",
    "1",
    LONGEST_SECONDS,
    "render.ml.musicgen:follow",
    pool=MUSICGEN,
    is_trained=True,
)
PROVIDERS = {provider.name: provider for provider in (COMPOSER, TRAINED)}


def provider_named(name: str) -> Provider:
    """Raises Unavailable for one that this version does not have."""
    try:
        return PROVIDERS[name]
    except KeyError as error:
        raise Unavailable(f"This server has no music provider {name!r}") from error
