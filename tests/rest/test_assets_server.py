"""Assets of a real server process: what it holds in memory, what it loads, how quick it stays meanwhile."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.render.media_files import tone, write_video, write_wav
from tests.support.server import Server

MEGABYTE = 1024**2
DECODERS = re.compile(r"/(av|cv2|numba|librosa|llvmlite)[/.]")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, timeout=60, verify=False) as client:
        yield client


def long_song(path: Path, size: int) -> Path:
    """A WAV of so many bytes, most of them holes."""
    head = bytearray(write_wav(path, tone(0.1, 44_100, 2), 44_100).read_bytes()[:44])
    head[4:8], head[40:44] = (size - 8).to_bytes(4, "little"), (size - 44).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def loaded_decoders(pid: int) -> list[str]:
    return [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if DECODERS.search(line)]


def test_media_is_worked_on_elsewhere(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    with write_video(tmp_path / "v").open("rb") as film:
        asset = client.post("/assets", files={"file": ("film.mp4", film)}).json()
    assert asset["kind"] == "VIDEO"
    thumbnail = client.get(f"/assets/{asset['id']}/thumbnail.jpg")
    assert thumbnail.content[:2] == b"\xff\xd8"
    assert client.get(asset["url"], headers={"Range": "bytes=4-7"}).content == b"ftyp"
    assert loaded_decoders(server.api.pid) == []


def test_a_large_upload_takes_no_memory_and_delays_nobody(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    song = long_song(tmp_path / "long.wav", 120 * MEGABYTE)
    api = psutil.Process(server.api.pid)
    client.get("/health")
    before = most = api.memory_info().rss
    answers: list[httpx.Response] = []

    def upload() -> None:
        with httpx.Client(base_url=server.base_url, timeout=60) as other, song.open("rb") as file:
            answers.append(other.post("/assets", files={"file": ("long.wav", file)}))

    uploading = threading.Thread(target=upload)
    uploading.start()
    waits = []
    while uploading.is_alive():
        started = time.perf_counter()
        client.get("/health")
        waits.append(time.perf_counter() - started)
        most = max(most, api.memory_info().rss)
        time.sleep(0.005)
    uploading.join()
    assert answers[0].status_code == 201
    assert answers[0].json()["size"] == 120 * MEGABYTE
    assert most - before < 25 * MEGABYTE
    assert sorted(waits)[len(waits) // 2] < 0.1
    url = answers[0].json()["url"]
    most = before = api.memory_info().rss
    with client.stream("GET", url) as download:
        for _ in download.iter_bytes(4 * MEGABYTE):
            most = max(most, api.memory_info().rss)
    assert most - before < 25 * MEGABYTE


def test_uploads_that_are_cut_leave_nothing(server: Server, client: httpx.Client) -> None:
    parts = urlsplit(server.base_url)
    staged = server.home / "scratch" / "uploads"
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    open_sockets = []
    for _ in range(5):
        connection = socket.create_connection((parts.hostname or "", parts.port or 0))
        connection.sendall(
            f"POST /assets HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 90000000\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n".encode()
            + head
            + b"\0" * (2 * MEGABYTE)
        )
        open_sockets.append(connection)
    deadline = time.monotonic() + 20
    while len(list(staged.glob("*"))) < 5:
        assert time.monotonic() < deadline, "the uploads did not arrive"
        time.sleep(0.02)
    for connection in open_sockets:
        connection.close()
    while list(staged.glob("*")):
        assert time.monotonic() < deadline, "something of the cut uploads is left"
        time.sleep(0.02)
    assert client.get("/health").status_code == 200
