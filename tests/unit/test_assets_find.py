"""Finding assets by what clients say, page by page, and never another owner's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from db.assets import Asset
from domain import assets
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset, record
from domain.errors import InvalidInput, NotFound
from domain.pages import Key

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


async def made(viewer: Viewer, filename: str, kind: str = "AUDIO", key: str | None = None) -> Asset:
    content = uuid4().hex * 2
    return await record(
        viewer.id, NewAsset(kind, filename, "audio/wav", 10, content, key or assets.upload_key(content))
    )


async def test_by_every_way_of_naming(viewer: Viewer) -> None:
    asset = await made(viewer, "My Song 100%.wav")
    for text in (
        str(asset.id),
        str(asset.id).upper(),
        asset.key,
        f"/{asset.key}",
        assets.url(asset),
        assets.url(asset, "https://starling.example"),
        f"{assets.url(asset)}?download=1",
        f"https://cdn.example/deep/er/assets/{asset.id}/whatever.wav",
        "My Song 100%.wav",
        "/home/user/music/My Song 100%.wav",
        "C:\\music\\My Song 100%.wav",
        "/static/audio/My%20Song%20100%25.wav",
    ):
        found = await assets.find_named(viewer, text)
        assert found is not None, text
        assert found.id == asset.id, text


NOTHING = [
    "",
    "/",
    "..",
    "../../etc/passwd",
    "nothing.wav",
    "My\0Song.wav",
    "a.wav\0",
    "%00",
    "\ud800",
    "x" * 256,
    "x/" * 128 + "a.mp3",
    "x" * 9999,
]


async def test_what_names_nothing(viewer: Viewer) -> None:
    await made(viewer, "a.wav")
    for text in NOTHING:
        assert await assets.find_named(viewer, text) is None, text


async def test_the_key_of_a_render(viewer: Viewer) -> None:
    key = f"renders/{uuid4()}/1/film.mp4"
    asset = await made(viewer, "other name.mp4", "VIDEO", key)
    found = await assets.find_named(viewer, key)
    assert found is not None
    assert found.id == asset.id


async def test_a_deleted_name_is_nobody_and_may_come_again(viewer: Viewer) -> None:
    first = await made(viewer, "a.wav")
    await Asset.filter(id=first.id).update(deleted_at=first.created_at)
    assert await assets.find_named(viewer, "a.wav") is None
    second = await made(viewer, "a.wav")
    found = await assets.find_named(viewer, "x/a.wav")
    assert found is not None
    assert found.id == second.id


async def test_nothing_of_another_owner(viewer: Viewer) -> None:
    asset = await made(viewer, "a.wav")
    stranger = replace(viewer, id=uuid4())
    for text in (str(asset.id), asset.key, assets.url(asset), "a.wav"):
        assert await assets.find_named(stranger, text) is None
    with pytest.raises(NotFound):
        await assets.get(stranger, asset.id)
    assert (await assets.page(stranger)).total == 0


async def test_pages(viewer: Viewer) -> None:
    for number in range(5):
        await made(viewer, f"{number}.wav")
    await made(viewer, "film.mp4", "VIDEO")
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await assets.page(viewer, first=2, after=after)
        seen += [row.filename for row in page.rows]
        assert page.total == 6
        assert page.has_previous == (after is not None)
        if not page.has_next:
            break
        after = Key(page.rows[-1].created_at, page.rows[-1].id).encode()
    assert seen == ["film.mp4", "4.wav", "3.wav", "2.wav", "1.wav", "0.wav"]
    assert (await assets.page(viewer, kind="VIDEO")).total == 1
    assert [row.filename for row in (await assets.page(viewer, search="FILM")).rows] == ["film.mp4"]
    assert (await assets.page(viewer, search="%")).total == 0
    assert (await assets.page(viewer, search="_.wav")).total == 0


async def test_bad_pages(viewer: Viewer) -> None:
    bad: list[tuple[str, Any]] = [
        ("first", 0),
        ("first", 101),
        ("after", "nonsense"),
        ("search", "a\0"),
        ("search", "a" * 201),
    ]
    for field, value in bad:
        with pytest.raises(InvalidInput) as refused:
            await assets.page(viewer, **{field: value})
        assert refused.value.field == field


async def test_inputs_are_all_there_or_refused(viewer: Viewer) -> None:
    first, second = await made(viewer, "1.wav"), await made(viewer, "2.wav")
    async with in_transaction():
        wanted = [second.id, first.id, second.id]
        assert [row.id for row in await assets.inputs(viewer, wanted)] == wanted
        with pytest.raises(NotFound):
            await assets.inputs(viewer, [first.id, UUID(int=1)])
