"""Settling a conflict by mixing: ours and theirs, each at half its amplitude, so that what both share keeps
its level. It is new audio, which becomes a stem of the merge and a file of whoever merges.

Audio takes seconds, and no transaction waits for it. So a merge that finds a mix lacking gives up
(`Lacking`), the mix is made, and the merge is done anew: it looks at the branches as they are then, and finds
its mix by the stems that went into it. What a merge leaves unused is collected.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from db import stems as rows
from db.assets import Asset
from db.stems import Stem
from domain import assets
from domain.accounts import Viewer
from domain.assets import NewAsset
from domain.assets.names import clean_name, split_name
from domain.commits.reading import files
from domain.commits.stems import MAX_GAIN
from domain.errors import NotFound, TimedOut
from domain.media import ask
from domain.ports import Services
from render.audio.mixing.facts import Mixed, Part

MIX = "render.audio.mixing.mixing:mix"
SHARE = 0.5  # of the amplitude of each side
SECONDS = 10.0
FIELD = "take"

log = logging.getLogger(__name__)

Pair = tuple[Stem, Stem]  # ours and theirs


class Lacking(Exception):
    """Ends the transaction of a merge that needs mixes which are not made yet, by type."""

    def __init__(self, pairs: Mapping[str, Pair]) -> None:
        super().__init__(", ".join(pairs))
        self.pairs = pairs


@dataclass(frozen=True)
class _Made:
    """A mix whose bytes are stored, and the gain at which it is as loud as its halves are together."""

    staged: Path
    new: NewAsset
    gain: float


class Mixes:
    """The mixes of one merge, which takes them up in its transaction. What it stored and nothing uses when it
    is left is removed, and so is what it staged."""

    def __init__(self, viewer: Viewer, services: Services) -> None:
        self._viewer, self._services = viewer, services
        self._made: dict[tuple[str, str], _Made] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for made in self._made.values():
            try:
                made.staged.unlink(missing_ok=True)
                await assets.collect(made.new.key, made.new.sha256, services=self._services)
            except Exception as error:  # the merge may be there by now: the daily round removes what is left
                log.warning("a mix was not collected: %s", error or type(error).__name__)

    async def hold(self) -> None:
        """Have what was mixed so far stay until the open transaction ends: before it locks anything else,
        since nobody is to wait for a storage."""
        for made in sorted(self._made.values(), key=lambda made: made.new.key):
            await assets.hold(made.new.key, made.staged, services=self._services)

    async def taken_up(self, pairs: Mapping[str, Pair]) -> dict[str, Stem]:
        """The stems by type, in the merge's transaction, which holds the mixes. Raises Lacking."""
        lacking = {type: pair for type, pair in pairs.items() if _contents(pair) not in self._made}
        if lacking:
            raise Lacking(lacking)
        found = {}
        for type, pair in pairs.items():
            made = self._made[_contents(pair)]
            asset = await assets.taken(self._viewer.id, made.new)
            found[type] = await rows.obtain(type, asset, made.gain)
        return found

    async def make(self, pairs: Mapping[str, Pair]) -> None:
        """Raises what `ask` raises, naming the stem where it took too long."""
        for type, pair in pairs.items():
            sides = await _sides(pair)
            staged = self._services.scratch / f"mix-{uuid4().hex}.flac"
            try:
                facts = await self._mixed(type, sides, staged)
                sha256 = await asyncio.to_thread(assets.hash_of, staged)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
            new = _asset(sides[0][0], sha256, facts)
            # Noted first: a put that is cut off may have happened.
            self._made[_contents(pair)] = _Made(staged, new, _gain(facts))
            await self._services.files.put(new.key, staged)

    async def _mixed(self, type: str, sides: list[tuple[Asset, float]], staged: Path) -> Mixed:
        (ours, our_gain), (theirs, their_gain) = sides
        self._services.scratch.mkdir(parents=True, exist_ok=True)
        async with (
            self._services.files.local(ours.key) as our_path,
            self._services.files.local(theirs.key) as their_path,
        ):
            parts = [Part(str(our_path), SHARE * our_gain), Part(str(their_path), SHARE * their_gain)]
            try:
                facts: Mixed = await ask(
                    self._services, MIX, parts, str(staged), field=FIELD, timeout=SECONDS
                )
            except TimedOut as error:
                raise TimedOut(
                    f"Mixing both {type} stems took longer than {SECONDS:g} s: take OURS or THEIRS, or commit"
                    " a mix of your own",
                    field=FIELD,
                ) from error
        return facts


async def _sides(pair: Pair) -> list[tuple[Asset, float]]:
    found = await files({stem.asset_id for stem in pair})
    if any(stem.asset_id not in found for stem in pair):
        raise NotFound("Audio file not found", field=FIELD)
    return [(found[stem.asset_id], stem.gain) for stem in pair]


def _contents(pair: Pair) -> tuple[str, str]:
    return pair[0].content, pair[1].content


def _gain(facts: Mixed) -> float:
    """What undoes that the file was turned down to fit."""
    return min(MAX_GAIN, round(math.pow(10.0, -facts.gain_db / 20.0), 4))


def _asset(ours: Asset, sha256: str, facts: Mixed) -> NewAsset:
    return NewAsset(
        kind="AUDIO",
        filename=clean_name(f"{split_name(ours.filename)[0]} mixed.flac", "mixed.flac"),
        content_type="audio/flac",
        size=facts.size,
        sha256=sha256,
        key=assets.upload_key(sha256),
        duration=facts.duration,
        sample_rate=facts.sample_rate,
        channels=facts.channels,
    )
