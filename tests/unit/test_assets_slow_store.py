"""A store that takes its time over a delete, while the key of the bytes is held in a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.storage import BucketFiles
from db import assets as rows
from db import retention as retention_rows
from db.assets import Asset
from db.connection import IDLE_TRANSACTION_SECONDS
from domain import assets
from domain.accounts import local_owner
from domain.assets import removal
from domain.errors import Unavailable
from domain.jobs import retention
from domain.ports import Services
from tests.render.media_files import tone, write_wav
from tests.support.bucket_server import bucket_environment, bucket_server
from tests.support.fault_proxy import FaultProxy
from tests.support.local_services import local_services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FaultProxy]:
    """Before the store of `services`."""
    with bucket_server() as endpoint:
        async with FaultProxy.before(endpoint) as proxy:
            for name, value in bucket_environment(proxy.url).items():
                monkeypatch.setenv(name, value)
            yield proxy


@pytest.fixture
def services(proxy: FaultProxy, tmp_path: Path) -> Services:
    return local_services(tmp_path / "home", files=BucketFiles("s3://films/starling", tmp_path / "copies"))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song", tone(0.1, 8000, 1), 8000)


@contextmanager
def _hanging(proxy: FaultProxy) -> Iterator[None]:
    """The store answers nothing meanwhile, and only then is a delete given up so soon."""
    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(removal, "DELETE_SECONDS", 0.3)
        proxy.blackhole()
        yield
    proxy.reset()
    proxy.heal()


async def _is_free(key: str) -> bool:
    async with asyncio.timeout(5.0), rows.key_held(key):
        return True


def test_a_delete_is_given_up_before_the_server_ends_its_transaction() -> None:
    assert removal.DELETE_SECONDS * 1.3 <= IDLE_TRANSACTION_SECONDS


async def test_a_store_that_hangs_holds_no_key_and_delays_only_the_bytes(
    proxy: FaultProxy, services: Services, song: Path, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await local_owner()
    asset = await assets.store(viewer, song, "a.wav", services=services)
    with _hanging(proxy), caplog.at_level(logging.WARNING):
        async with asyncio.timeout(8.0):
            await assets.delete(viewer, asset.id, services=services)
        assert await _is_free(asset.key)
    assert "stay until the sweep: The storage did not answer" in caplog.text
    assert await assets.find(viewer, asset.id) is None
    assert await Asset.filter(key=asset.key).count() == 1, "nothing tells the sweep of the bytes"
    assert await services.files.exists(asset.key)
    assert (await assets.sweep(services)).stored == 1
    assert not await services.files.exists(asset.key)


async def test_an_orphan_that_cannot_be_removed_says_so_and_its_key_is_free(
    proxy: FaultProxy, services: Services, song: Path
) -> None:
    key = f"renders/{uuid4()}/1/0.mp4"
    await services.files.put(key, song)
    with _hanging(proxy):
        async with asyncio.timeout(8.0):
            with pytest.raises(Unavailable):
                await assets.remove_orphan(key, services=services)
        assert await _is_free(key)
    assert await assets.remove_orphan(key, services=services)
    assert not await services.files.exists(key)


async def test_retention_goes_on_beside_a_store_that_hangs(
    proxy: FaultProxy, services: Services, song: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = [f"renders/{uuid4()}/1/0.mp4" for _ in range(2)]
    for key in keys:
        await services.files.put(key, song)
    freed = [retention_rows.Freed(key, "c" * 64, 5) for key in keys]
    with _hanging(proxy), caplog.at_level(logging.WARNING):
        async with asyncio.timeout(8.0):
            assert await retention._collect(freed, services) == 0
    assert caplog.text.count("the bytes of a removed job stay until the sweep") == 2
