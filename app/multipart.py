"""The parser of a multipart body: fields into memory, files onto disk, each within its limit.

Nothing here waits for a socket; `app.uploads` feeds it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.disk import full_disk_told
from domain.assets.intake import size_sentence
from domain.errors import InvalidInput, TooLarge
from domain.ports import Limits
from render.media.magic import sniff

FLUSH_BYTES, FLUSH_PIECES = 1024**2, 4096
SNIFF_BYTES = 64 * 1024
MAX_TEXT_BYTES = 1024**2
MAX_PARTS = 64


@dataclass
class ReceivedFile:
    """`filename` and `content_type` are what the client claims; nothing is decided by them."""

    path: Path
    filename: str
    content_type: str
    size: int = 0  # bytes
    sha256: str = ""


@dataclass
class ReceivedForm:
    """Text fields and files by the names of their parts; of equal names the last counts."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, ReceivedFile] = field(default_factory=dict)


def largest_file(limits: Limits) -> int:
    """Bytes: what any kind of file may have."""
    return max(limits.max_audio_bytes, limits.max_image_bytes, limits.max_video_bytes)


class FormReader:
    """The parser's callbacks and the file that is being written. Callbacks only collect: disk work is done by
    `flush` and `finish`, which the reader of the socket calls in a thread."""

    def __init__(self, boundary: bytes, folder: Path, limits: Limits, max_files: int) -> None:
        self.form = ReceivedForm()
        self._buffered = 0
        self._text_bytes = 0
        self._folder = folder
        self._limits = limits
        self._max_files = max_files
        self._pending: list[tuple[_Staged, bytes]] = []
        self._staged: list[_Staged] = []
        self._headers: dict[bytes, bytes] = {}
        self._header = (b"", b"")
        self._name = ""
        self._part: _Staged | bytearray = bytearray()
        self._parts = 0
        self._is_whole = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._whole,
                },
            )
        except FormParserError as error:
            raise InvalidInput("file", "The boundary of the multipart body is too long") from error

    @property
    def is_full(self) -> bool:
        """Time to `flush`."""
        return self._buffered >= FLUSH_BYTES or len(self._pending) >= FLUSH_PIECES

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidInput("file", "The multipart body is broken") from error

    def flush(self) -> None:
        """Write what was collected. Raises TooLarge and StorageFull."""
        pending, self._pending, self._buffered = self._pending, [], 0
        for staged, data in pending:
            staged.write(data)

    def finish(self) -> None:
        """The end of the body. Raises InvalidInput where the form has none."""
        self.flush()
        if not self._is_whole:
            raise InvalidInput("file", "The multipart body ends in the middle")
        for staged in self._staged:
            staged.close()

    def discard(self) -> None:
        for staged in self._staged:
            staged.close()
            staged.received.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._headers = {}
        self._header = (b"", b"")
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidInput("file", f"The form has more than {MAX_PARTS} parts")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.lower()] = value
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise InvalidInput("file", "A part of the form has no name")
        self._name = _text(options[b"name"])
        self._part = (
            bytearray() if b"filename" not in options else self._new_file(_text(options[b"filename"]))
        )

    def _new_file(self, filename: str) -> _Staged:
        if len(self._staged) == self._max_files:
            raise InvalidInput("file", f"The form may bring at most {self._max_files} file(s)")
        content_type = _text(self._headers.get(b"content-type", b""))
        staged = _Staged(ReceivedFile(self._folder / uuid4().hex, filename, content_type), self._limits)
        self._staged.append(staged)
        return staged

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if isinstance(self._part, bytearray):
            self._part += piece
            self._text_bytes += len(piece)
            if self._text_bytes > MAX_TEXT_BYTES:
                raise TooLarge(f"The text fields may have at most {MAX_TEXT_BYTES:,} bytes together")
        else:
            self._pending.append((self._part, piece))
            self._buffered += len(piece)

    def _end(self) -> None:
        if isinstance(self._part, bytearray):
            self.form.fields[self._name] = _text(bytes(self._part))
        else:
            self.form.files[self._name] = self._part.received

    def _whole(self) -> None:
        self._is_whole = True


class _Staged:
    """One file on its way to disk, never larger than its kind may be."""

    def __init__(self, received: ReceivedFile, limits: Limits) -> None:
        self.received = received
        self._limits = limits
        self._kind, self._limit = "video", largest_file(limits)
        self._is_sniffed = False
        self._hash = hashlib.sha256()
        with full_disk_told():
            self._file = received.path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        self.received.size += len(data)
        if self.received.size > self._limit:
            raise TooLarge(size_sentence(self._kind, self._limit), field="file")
        rest = memoryview(data)
        with full_disk_told():
            while rest:
                rest = rest[self._file.write(rest) :]
        self._hash.update(data)
        if not self._is_sniffed and self.received.size >= SNIFF_BYTES:
            self._sniff()

    def close(self) -> None:
        self._file.close()
        self.received.sha256 = self._hash.hexdigest()

    def _sniff(self) -> None:
        """What the first bytes say narrows the limit. What they do not know may be an old QuickTime film."""
        self._is_sniffed = True
        found = sniff(self.received.path)
        if found is not None and found.kind == "AUDIO":
            self._kind, self._limit = "audio", self._limits.max_audio_bytes
        elif found is not None and found.kind == "IMAGE":
            self._kind, self._limit = "image", self._limits.max_image_bytes


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
