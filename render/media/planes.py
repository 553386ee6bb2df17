"""yuv420p planes in one numpy array, as a frame of FFmpeg."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame


def wrapped(planes: np.ndarray) -> VideoFrame:
    """A frame over uint8 (height * 3 // 2, width), height and width even.

    Without a copy where the height is a multiple of four: the frame shares the array's memory. PyAV 18
    computes the height as rows // 6 * 4 there, two lines short for all others, which are copied instead.
    """
    if planes.shape[0] % 6 == 0:
        return VideoFrame.from_numpy_buffer(planes, format="yuv420p")
    return VideoFrame.from_ndarray(planes, format="yuv420p")
