"""A small picture of an image or a video, upright and without the source's metadata."""

from __future__ import annotations

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from render.media.container import open_media, recognise, video_stream
from render.media.probe import first_picture
from render.media.still import to_rgb, write_picture

DEFAULT_WIDTH = 640
_INTO_THE_FILM = 0.1  # the share of a video to skip: films begin black


def thumbnail(path: str, out: str, width: int = DEFAULT_WIDTH) -> None:
    """Write a picture of `path` to `out` (.jpg or .png), `width` pixels wide at most.

    Raises UnsupportedMedia without a picture, DamagedMedia, MediaTooLarge.
    """
    found = recognise(path)
    try:
        with open_media(path) as container:
            stream = video_stream(container)
            if stream is None:
                raise UnsupportedMedia(f"The {found.name} file has no picture.")
            frame = first_picture(container, stream, found)
            if found.kind != "IMAGE":
                frame = _later_picture(container, stream) or frame
            write_picture(to_rgb(frame, width), out)
    except MemoryError as error:
        raise MediaTooLarge(f"Decoding the {found.name} file takes more memory than is allowed.") from error
    except av.error.FFmpegError as error:
        raise DamagedMedia(f"The {found.name} file is cut off or damaged.") from error


def _later_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """The key frame some way into the film; None where it cannot be reached."""
    if not container.duration or container.duration < 0:
        return None
    try:
        container.seek(round(container.duration * _INTO_THE_FILM))
        return next(iter(container.decode(stream)), None)
    except av.error.FFmpegError:
        return None
