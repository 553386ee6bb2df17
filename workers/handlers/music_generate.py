"""MUSIC_GENERATE: make a piece in a child, hand over its files, and commit it where that was asked for.

Which maker makes it is in the params, so a setting that was changed meanwhile changes nothing. The commit
is a row of the settlement, so it is there exactly when the result is.
"""

from __future__ import annotations

from domain import music
from workers.handlers.pieces import piece
from workers.run import Run, Settlement


async def music_generate(run: Run) -> Settlement:
    provider = music.provider_named(run.params["provider"])
    await run.stage("compose", "waiting for the composer")
    return await piece(
        run,
        provider,
        provider.maker,
        rows=None if run.params["commit"] is None else music.commit_piece,
        topics=music.topics_of(run.params),
    )
