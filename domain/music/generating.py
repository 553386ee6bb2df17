"""Generating music: the job of a piece, and of several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.commits import keeping
from domain.errors import InvalidInput, StarlingError
from domain.jobs import MUSIC_GENERATE, JobOptions, NewJob
from domain.music.asked import NewPiece, filenames_of, request_of
from domain.music.providers import provider_named
from domain.particles.films import content_hash
from domain.ports import Services
from render.music.catalogue import GENRES

MAX_BATCH = 50


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
    new = await _job(viewer, piece, options or JobOptions(), services)
    return await jobs.submit(viewer, new, services=services)


async def generate_batch(
    viewer: Viewer, pieces: Sequence[NewPiece], options: JobOptions | None = None, *, services: Services
) -> list[Job]:
    """All or none, in order; what is wrong with one of them is said of `inputs.<number>`, from 0. Raises as
    `generate`."""
    if not 1 <= len(pieces) <= MAX_BATCH:
        raise InvalidInput("inputs", f"inputs must have 1 to {MAX_BATCH} pieces, got {len(pieces)}")
    news = []
    for number, piece in enumerate(pieces):
        await asyncio.sleep(0)  # reading a long prompt takes milliseconds, and others wait
        try:
            news.append(await _job(viewer, piece, options or JobOptions(), services))
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


async def _job(viewer: Viewer, piece: NewPiece, options: JobOptions, services: Services) -> NewJob:
    provider = provider_named(services.music_provider)
    model = services.models.music if provider.is_trained else None
    request = request_of(piece, provider)
    meant = await _meant(viewer, piece)
    identity = {
        "kind": MUSIC_GENERATE.name,
        "provider": provider.name,
        "version": provider.version,
        "request": request,
        **({} if model is None else model.identity),
    }
    return NewJob(
        kind=MUSIC_GENERATE.name,
        params={
            "provider": provider.name,
            **({} if model is None else {"model": model.name}),
            "request": request,
            "filenames": filenames_of(request),
            "commit": None if meant is None else meant.as_json(),
        },
        cache_key=content_hash(identity) if meant is None else None,
        arguments=piece.said(),
        options=options,
    )


async def _meant(viewer: Viewer, piece: NewPiece) -> keeping.Meant | None:
    if piece.repository_id is not None:
        return await keeping.meant(viewer, piece.repository_id, piece.branch, piece.parent_commit_id)
    for field in ("branch", "parent_commit_id"):
        if getattr(piece, field) is not None:
            raise InvalidInput(field, f"{field} needs a repository: without one nothing is committed")
    return None
