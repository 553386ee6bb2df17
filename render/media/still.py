"""Pictures to files: the film's planes, or any decoded frame, as PNG or JPEG.

Planes are yuv420p in BT.709, limited range; what is written is sRGB (PNG) or full-range BT.601 (JPEG, as JFIF
has it). Made smaller by averaging areas; never larger than the source. Nothing of the source's metadata is
written.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from render.media.planes import wrapped

_JPEG_QSCALE = 3  # of 2..31
_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def write_still(planes: np.ndarray, width: int, height: int, out_path: str, out_width: int) -> None:
    """Write yuv420p `planes`, uint8 (height * 3 // 2, width), `out_width` pixels wide at most.

    The suffix decides: .png, or .jpg and .jpeg. Raises ValueError for another.
    """
    if planes.shape != (height * 3 // 2, width):
        raise ValueError(f"planes of {planes.shape} are no picture of {width} x {height}")
    frame = wrapped(np.ascontiguousarray(planes))
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    write_picture(to_rgb(frame, out_width), out_path)


def to_rgb(frame: VideoFrame, out_width: int) -> np.ndarray:
    """uint8 (height, width, 3) sRGB, upright, `out_width` wide at most; transparency over white."""
    is_sideways = frame.rotation % 180 != 0
    shown = (frame.height, frame.width) if is_sideways else (frame.width, frame.height)
    width, height = fitted(*shown, out_width)
    size = {"width": height, "height": width} if is_sideways else {"width": width, "height": height}
    has_alpha = any(component.is_alpha for component in frame.format.components)
    scaled = frame.reformat(
        **size,
        format="rgba" if has_alpha else "rgb24",
        interpolation=_SCALING,
        dst_color_range=ColorRange.JPEG,
    )
    pixels = scaled.to_ndarray()
    if has_alpha:
        alpha = pixels[..., 3:].astype(np.uint16)
        pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def write_picture(pixels: np.ndarray, out_path: str) -> None:
    """Write uint8 (height, width, 3) sRGB; the suffix decides between PNG and JPEG."""
    suffix = Path(out_path).suffix.lower()
    if suffix == ".png":
        codec, pixel_format = "png", "rgb24"
    elif suffix in (".jpg", ".jpeg"):
        codec, pixel_format = "mjpeg", "yuvj420p"
    else:
        raise ValueError(f"{suffix!r} is neither .png nor .jpg")
    frame = VideoFrame.from_ndarray(pixels, format="rgb24")
    context = cast(VideoCodecContext, av.CodecContext.create(codec, "w"))
    context.width, context.height = frame.width, frame.height
    context.time_base = Fraction(1)
    context.pix_fmt = pixel_format
    context.thread_count = 1
    if codec == "mjpeg":
        frame = frame.reformat(
            format=pixel_format, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG
        )
        context.color_range = ColorRange.JPEG
        context.qmin = context.qmax = _JPEG_QSCALE
    frame.pts = 0
    packets = [*context.encode(frame), *context.encode(None)]
    Path(out_path).write_bytes(b"".join(bytes(packet) for packet in packets))


def fitted(width: int, height: int, out_width: int) -> tuple[int, int]:
    """The size with the same shape, `out_width` wide at most, each side at least 1."""
    if out_width >= width:
        return width, height
    return max(1, out_width), max(1, round(height * out_width / width))
