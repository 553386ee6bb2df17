"""What a child that reads media loads before its first call: importing this module is most of it."""

from __future__ import annotations

import av.codec

from render.media import peaks, probe, thumbnail

__all__ = ["peaks", "probe", "thumbnail", "warm"]


def warm() -> None:
    """Have the codec tables of FFmpeg in memory."""
    av.codec.Codec("h264", "r")
