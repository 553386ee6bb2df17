"""Width and height out of an image's header, before any decoder sees it.

A PNG of 48 kB can unpack to 1.2 GB: the size has to be judged from the few bytes that state it.
"""

from __future__ import annotations

from pathlib import Path

from render.errors import DamagedMedia
from render.media.magic import JPEG, PNG, WEBP, MediaFormat

_JPEG_FRAME_MARKERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_JPEG_BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}
_MAX_JPEG_HEADER_BYTES = 8 * 1024**2  # EXIF, ICC and thumbnails come before the frame header
_CUT = "The image is cut off or damaged: its header states no size."


def image_size(path: str | Path, found: MediaFormat) -> tuple[int, int]:
    """(width, height) in pixels as the header of a PNG, JPEG or WebP states them. Raises DamagedMedia."""
    with Path(path).open("rb") as file:
        head = file.read(_MAX_JPEG_HEADER_BYTES if found is JPEG else 64)
    size = {PNG: _png, JPEG: _jpeg, WEBP: _webp}[found](head)
    if size is None or size[0] < 1 or size[1] < 1:
        raise DamagedMedia(_CUT)
    return size


def _png(head: bytes) -> tuple[int, int] | None:
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_BARE_MARKERS:
            at += 2
        elif marker in _JPEG_FRAME_MARKERS:
            return int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big")
        else:
            at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    """VP8 (lossy), VP8L (lossless) and VP8X (extended), as RFC 9649 lays them out."""
    chunk, body = head[12:16], head[20:]
    if chunk == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if chunk == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    return None
