"""What `serve` makes of the settings for the processes that it starts."""

from __future__ import annotations

from pathlib import Path

from app.serve import _connections
from app.settings import Settings


def test_every_process_has_room_for_its_pool_in_the_database() -> None:
    def needed(**settings: int) -> int:
        return _connections(Settings(home=Path("/srv/starling"), **settings))  # type: ignore[arg-type]

    assert needed() == 100
    assert needed(api_processes=8, workers=4, database_pool=20) == 480
    assert needed(api_processes=4, workers=8, database_pool=20) == 480
