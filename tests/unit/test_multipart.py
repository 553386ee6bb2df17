"""The multipart parser: the same form however its body is cut into pieces."""

from __future__ import annotations

import hashlib
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.multipart import FormReader, ReceivedForm
from domain.errors import InvalidInput, TooLarge
from domain.ports import Limits
from tests.render.media_files import tone, write_wav

LIMITS = Limits(max_audio_bytes=100_000, max_image_bytes=1000, max_video_bytes=300_000)


def body(content: bytes, text: str = "words") -> bytes:
    return (
        b'--edge\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
        + text.encode()
        + b'\r\n--edge\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xa9.wav"\r\n'
        b"Content-Type: audio/x-anything\r\n\r\n" + content + b"\r\n--edge--\r\n"
    )


def read(folder: Path, pieces: list[bytes]) -> tuple[ReceivedForm, bytes]:
    reader = FormReader(b"edge", folder, LIMITS, 1)
    try:
        for piece in pieces:
            reader.feed(piece)
            if len(piece) % 3 == 0:
                reader.flush()
        reader.finish()
        return reader.form, reader.form.files["file"].path.read_bytes()
    finally:
        reader.discard()


@given(
    st.binary(max_size=300) | st.sampled_from([b"\r\n--edg", b"\r\n--edge", b"\r\n\r\n", b"--edge--"]),
    st.lists(st.integers(0, 500), max_size=12),
)
def test_any_cut_gives_the_same_form(content: bytes, cuts: list[int]) -> None:
    if b"\r\n--edge" in b"\r\n" + content:
        content = content.replace(b"--edge", b"--fell")
    whole = body(content)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(places)]
    with tempfile.TemporaryDirectory() as folder:
        form, written = read(Path(folder), pieces)
        file = form.files["file"]
        assert written == content
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (file.filename, file.content_type) == ("é.wav", "audio/x-anything")
        assert form.fields == {"operations": "words"}
        assert not list(Path(folder).iterdir())


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_a_form_or_a_refusal(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = FormReader(b"edge", Path(folder), LIMITS, 1)
        try:
            reader.feed(b"--edge\r\n" + data)
            reader.finish()
        except (InvalidInput, TooLarge):
            pass
        finally:
            reader.discard()
        assert not list(Path(folder).iterdir())


def test_the_limit_of_a_kind_is_known_early(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song", tone(10, 8000, 1), 8000).read_bytes()
    staging = tmp_path / "staging"
    staging.mkdir()
    with pytest.raises(TooLarge, match="audio may have at most 100,000 bytes"):
        read(staging, [body(song)[:70_002], body(song)[70_002:150_000]])
    with pytest.raises(TooLarge, match="video may have at most 300,000 bytes"):
        read(staging, [body(b"\0" * 300_001)])
    assert not list(staging.iterdir())


def test_a_header_without_end(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="broken"):
        read(tmp_path, [b"--edge\r\nContent-Disposition: " + b"x" * 100_000])
    with pytest.raises(InvalidInput, match="broken"):
        read(tmp_path, [b"--edge\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(1000))])
