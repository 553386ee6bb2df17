"""The loudness that another meter finds."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np


def ebu_r128(path: Path) -> tuple[float, float]:
    """FFmpeg's own meter: integrated loudness (LUFS) and true peak (dBTP)."""
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        source = graph.add_abuffer(template=container.streams.audio[0])
        meter = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        loudness, peak = -np.inf, -np.inf
        for frame in [*container.decode(audio=0), None]:
            graph.push(frame)
            while True:
                try:
                    told = graph.pull().metadata
                except (av.BlockingIOError, av.EOFError):
                    break
                loudness = float(told.get("lavfi.r128.I", loudness))
                peaks = [float(told[key]) for key in told if re.search(r"true_peaks?_ch", key)]
                peak = max([peak, *peaks])
    return loudness, 20.0 * np.log10(peak)
