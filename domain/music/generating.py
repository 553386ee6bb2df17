"""Generating music: the job of a piece, and of several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.commits import keeping
from domain.errors import InvalidInput, StarlingError
from domain.jobs import MUSIC_GENERATE, JobOptions, NewJob
from domain.music.accepting import accepted
from domain.music.asked import NewPiece, request_of
from domain.music.providers import provider_named
from domain.ports import Services
from render.music.catalogue import GENRES

MAX_BATCH = 50
Meanings = Callable[[NewPiece], Awaitable[keeping.Meant | None]]


def genres() -> list[str]:
    """The genres that the composer knows by name, in the order in which they are offered."""
    return list(GENRES)


async def generate(
    viewer: Viewer, piece: NewPiece, options: JobOptions | None = None, *, services: Services
) -> Job:
    """The job that makes a piece: outputs `audio`, its stems, `preview` and `midi`, the resolved parameters
    in its result. The same request with the same seed is answered at once, unless it is to be committed.

    Raises InvalidInput, as `commits.keeping.meant` where it is to be committed, and as `jobs.submit`.
    """
    asked = _asked(piece, options or JobOptions())
    if earlier := await jobs.remembered(viewer, [asked], services=services):
        return earlier[0]
    return await jobs.submit(viewer, await _job(asked, piece, _meanings(viewer), services), services=services)


async def generate_batch(
    viewer: Viewer, pieces: Sequence[NewPiece], options: JobOptions | None = None, *, services: Services
) -> list[Job]:
    """All or none, in order; what is wrong with one of them is said of `inputs.<number>`, from 0. Raises as
    `generate`."""
    if not 1 <= len(pieces) <= MAX_BATCH:
        raise InvalidInput("inputs", f"inputs must have 1 to {MAX_BATCH} pieces, got {len(pieces)}")
    asked = [_asked(piece, options or JobOptions()) for piece in pieces]
    if earlier := await jobs.remembered(viewer, asked, services=services):
        return earlier
    news, meant = [], _meanings(viewer)
    for number, piece in enumerate(pieces):
        await asyncio.sleep(0)  # reading a long prompt takes milliseconds, and others wait
        try:
            news.append(await _job(asked[number], piece, meant, services))
        except StarlingError as error:
            raise _of_item(number, error) from error
    return await jobs.submit_many(viewer, news, services=services)


def _of_item(number: int, error: StarlingError) -> StarlingError:
    """The same refusal, which says of which piece it is."""
    place = f"inputs.{number}"
    field = f"{place}.{error.field}" if error.field else place
    names_it = error.field is not None and error.message.startswith(error.field)
    message = f"{place}{'.' if names_it else ': '}{error.message}"
    if isinstance(error, InvalidInput):
        return InvalidInput(field, message)
    return type(error)(message, field=field)


def _asked(piece: NewPiece, options: JobOptions) -> NewJob:
    """All that an idempotency key stands for."""
    return NewJob(MUSIC_GENERATE.name, {}, arguments=piece.said(), options=options)


async def _job(asked: NewJob, piece: NewPiece, meant: Meanings, services: Services) -> NewJob:
    provider = provider_named(services.music_provider)
    request = request_of(piece, provider)
    place = await meant(piece)
    return accepted(
        asked,
        provider,
        services.models.music if provider.is_trained else None,
        request,
        params={"commit": None if place is None else place.as_json()},
        depends_on={} if place is None else None,
    )


def _meanings(viewer: Viewer) -> Meanings:
    """Where pieces go; each place is looked at once."""
    found: dict[tuple[UUID | None, str | None, UUID | None], keeping.Meant | None] = {}

    async def meant(piece: NewPiece) -> keeping.Meant | None:
        place = (piece.repository_id, piece.branch, piece.parent_commit_id)
        if place not in found:
            found[place] = await _meant(viewer, piece)
        return found[place]

    return meant


async def _meant(viewer: Viewer, piece: NewPiece) -> keeping.Meant | None:
    if piece.repository_id is not None:
        return await keeping.meant(viewer, piece.repository_id, piece.branch, piece.parent_commit_id)
    for field in ("branch", "parent_commit_id"):
        if getattr(piece, field) is not None:
            raise InvalidInput(field, f"{field} needs a repository: without one nothing is committed")
    return None
