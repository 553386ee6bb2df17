"""What a file is, told by its first bytes alone: never by its name, never by asking every demuxer.

`sniff` knows the formats of `FORMATS` and nothing else. Text of any kind (playlists, ffconcat scripts,
SDP, SVG, HTML, subtitles) is None by construction: no entry of the table can begin with it. A format
names the one demuxer that may open the file, so a script that calls itself .mp4 never reaches the
demuxer that would follow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HEAD_BYTES = 4096  # enough for each test below; ID3 tags are skipped by their own size field
MAX_ID3_BYTES = 32 * 1024**2

MediaKind = Literal["AUDIO", "VIDEO", "IMAGE"]


@dataclass(frozen=True)
class MediaFormat:
    """One known format. `kind`: what it holds; None where only the streams can tell (MP4, Ogg, Matroska)."""

    name: str
    demuxer: str  # FFmpeg's name
    kind: MediaKind | None
    audio_type: str  # Content-Type and extension where it holds sound only
    audio_extension: str
    video_type: str  # and where it holds pictures
    video_extension: str


def _audio(name: str, demuxer: str, content_type: str, extension: str) -> MediaFormat:
    return MediaFormat(name, demuxer, "AUDIO", content_type, extension, content_type, extension)


def _image(name: str, demuxer: str, content_type: str, extension: str) -> MediaFormat:
    return MediaFormat(name, demuxer, "IMAGE", content_type, extension, content_type, extension)


_MOV_DEMUXER = "mov"  # its other names: mp4, m4a, 3gp
WAV = _audio("WAV", "wav", "audio/wav", ".wav")
FLAC = _audio("FLAC", "flac", "audio/flac", ".flac")
MP3 = _audio("MP3", "mp3", "audio/mpeg", ".mp3")
AAC = _audio("AAC", "aac", "audio/aac", ".aac")
AIFF = _audio("AIFF", "aiff", "audio/aiff", ".aiff")
OGG = MediaFormat("Ogg", "ogg", None, "audio/ogg", ".ogg", "video/ogg", ".ogv")
MP4 = MediaFormat("MP4", _MOV_DEMUXER, None, "audio/mp4", ".m4a", "video/mp4", ".mp4")
MOV = MediaFormat("QuickTime", _MOV_DEMUXER, None, "audio/mp4", ".m4a", "video/quicktime", ".mov")
WEBM = MediaFormat("WebM", "matroska", None, "audio/webm", ".webm", "video/webm", ".webm")
MATROSKA = MediaFormat("Matroska", "matroska", None, "audio/x-matroska", ".mka", "video/x-matroska", ".mkv")
AVI = MediaFormat("AVI", "avi", "VIDEO", "video/x-msvideo", ".avi", "video/x-msvideo", ".avi")
PNG = _image("PNG", "png_pipe", "image/png", ".png")
JPEG = _image("JPEG", "jpeg_pipe", "image/jpeg", ".jpg")
WEBP = _image("WebP", "webp_pipe", "image/webp", ".webp")

FORMATS = (WAV, FLAC, MP3, AAC, AIFF, OGG, MP4, MOV, WEBM, MATROSKA, AVI, PNG, JPEG, WEBP)
KNOWN = "WAV, FLAC, MP3, AAC, AIFF, Ogg/Opus, MP4/M4A, QuickTime, WebM/Matroska, AVI, PNG, JPEG, WebP"

_RIFF_FORMS = {b"WAVE": WAV, b"AVI ": AVI, b"WEBP": WEBP}
_STILL_IMAGE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"crx ", b"jp2 ", b"jpx "}
_OLD_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(path: str | Path) -> MediaFormat | None:
    """The format of the content; None for anything not in `FORMATS`. OSError if it cannot be read."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        tag_bytes = id3_bytes(head)
        if tag_bytes is None:
            return _by_signature(head, size) or _by_frame_sync(head, size)
        file.seek(tag_bytes)
        return _after_id3(file.read(HEAD_BYTES), size - tag_bytes)


def id3_bytes(head: bytes) -> int | None:
    """The length of the ID3v2 tag in front, header and footer included; None without one."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or any(byte & 0x80 for byte in head[6:10]):
        return None
    body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    footer = 10 if head[5] & 0x10 else 0
    return min(10 + body + footer, MAX_ID3_BYTES)


def _after_id3(head: bytes, size: int) -> MediaFormat | None:
    head = head.lstrip(b"\0")  # padding that some taggers leave uncounted
    if head.startswith(b"fLaC"):
        return FLAC
    if not head:
        return MP3  # a tag and nothing behind it: a cut MP3, which opening will say
    return _by_frame_sync(head, size)


def _by_signature(head: bytes, size: int) -> MediaFormat | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF_FORMS.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if head[:4] == b"\x1aE\xdf\xa3":
        return _ebml(head)
    for signature, found in (
        (b"fLaC", FLAC),
        (b"OggS\0", OGG),
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"\xff\xd8\xff", JPEG),
    ):
        if head.startswith(signature):
            return found
    return _iso_media(head, size)


def _ebml(head: bytes) -> MediaFormat | None:
    """The DocType element (0x4282) of the EBML header names webm or matroska."""
    at = head.find(b"\x42\x82")
    if at < 0:
        return None
    doc_type = head[at + 3 : at + 3 + (head[at + 2] & 0x7F)] if at + 2 < len(head) else b""
    return {b"webm": WEBM, b"matroska": MATROSKA}.get(doc_type.rstrip(b"\0"))


def _iso_media(head: bytes, size: int) -> MediaFormat | None:
    """ISO base media (ISO/IEC 14496-12) by its ftyp box, older QuickTime by a first atom of a sane size."""
    atom_bytes, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if kind == b"ftyp":
        brand = head[8:12]
        if brand in _STILL_IMAGE_BRANDS:
            return None
        return MOV if brand == b"qt  " else MP4
    if kind in _OLD_QUICKTIME_ATOMS and (atom_bytes == 1 or 8 <= atom_bytes <= size):
        return MOV
    return None


def _by_frame_sync(head: bytes, size: int) -> MediaFormat | None:
    """Bare MPEG audio or ADTS: a valid frame header, and another of its kind where the first frame ends."""
    for frame_bytes_of, found in ((_mpeg_frame_bytes, MP3), (_adts_frame_bytes, AAC)):
        length = frame_bytes_of(head)
        if length is None:
            continue
        is_last_frame = length + 4 > min(len(head), size)
        if is_last_frame or frame_bytes_of(head[length:]) is not None:
            return found
    return None


_MPEG1_KBPS = {
    3: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2_KBPS = {
    3: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES_HZ = (44_100, 48_000, 32_000)


def _mpeg_frame_bytes(head: bytes) -> int | None:
    """Length of the MPEG audio frame (ISO/IEC 11172-3, 13818-3) that starts here, None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate_index, padding = head[2] >> 2 & 3, head[2] >> 1 & 1
    bitrate_index = head[2] >> 4
    if version == 1 or layer == 0 or rate_index == 3 or not 1 <= bitrate_index <= 14:
        return None
    is_mpeg1 = version == 3
    kbps = (_MPEG1_KBPS if is_mpeg1 else _MPEG2_KBPS)[layer][bitrate_index - 1]
    rate_hz = _MPEG_RATES_HZ[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 3:
        return (12_000 * kbps // rate_hz + padding) * 4
    per_frame = 72_000 if layer == 1 and not is_mpeg1 else 144_000
    return per_frame * kbps // rate_hz + padding


def _adts_frame_bytes(head: bytes) -> int | None:
    """Length of the ADTS frame (ISO/IEC 13818-7) that starts here, None if none does."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 else None
