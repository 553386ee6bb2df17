"""What there is to know of a track as music: tempo, beats, bars, key, loudness, from one decode.

One pass over the decoded samples feeds everything: short windows for the rhythm, long ones for the tones, and
the loudness meter, which hears the channels as they are stored. What a track does not have is None or empty,
never a guess.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from render.audio import metre, tempo
from render.audio.bands import BandListener, Bands
from render.audio.decode import heard_blocks
from render.audio.facts import Analysis
from render.audio.key import chromas, key_of
from render.audio.loudness import Meter
from render.audio.onsets import onsets_of
from render.audio.spectrum import SAMPLE_RATE_HZ, TICK_RATE_HZ
from render.audio.tones import ToneListener, Tones, tuning
from render.media.container import open_media

_SILENCE = 1e-9  # mean square: -90 dB
_WAITING = 12  # blocks of a second or less that may wait for the listeners


def analyse(path: str, report: Callable[[float, str | None], None] | None = None) -> Analysis:
    """The analysis of the first audio stream of a file; `report` hears per cent and a sentence.

    Raises what `heard_blocks` raises.
    """
    meter, tones, bands = Meter(), ToneListener(), BandListener()
    expected = max(1, _expected_samples(path))
    with _Beside() as beside:
        for block in heard_blocks(path, SAMPLE_RATE_HZ, partial(beside.call, meter.take)):
            beside.call(tones.take, block)
            beside.call(bands.take, block)
            if report is not None:
                report(min(90.0, 90.0 * bands.samples / expected), "listening to the song")
    found = _analysis(bands.bands(), tones.tones(), meter)
    if report is not None:
        report(100.0, "heard")
    return found


class _Beside:
    """One thread for the listeners, beside the decoder: both let go of the interpreter most of the time.

    Calls are made in order. What one raises is raised here, by a later call or at the end.
    """

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="listener")
        self._calls: deque[Future[None]] = deque()
        return self

    def call(self, take: Callable[[Any], None], block: object) -> None:
        while len(self._calls) >= _WAITING:
            self._calls.popleft().result()
        self._calls.append(self._thread.submit(take, block))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(cancel_futures=kind is not None)
        while kind is None and self._calls:
            self._calls.popleft().result()


def _expected_samples(path: str | Path) -> int:
    with open_media(path) as container:
        return int((container.duration or 0) / 1_000_000 * SAMPLE_RATE_HZ)


def _analysis(measured: Bands, tones: Tones, meter: Meter) -> Analysis:
    off = tuning(tones)
    chroma, bass = chromas(tones, off)
    key = key_of(chroma, bass)
    onsets = onsets_of(measured)
    rhythm = tempo.rhythm(onsets, _beginning(measured))
    bars = metre.downbeats(rhythm.beats, metre.Heard(chroma, bass, onsets.low, onsets.all, TICK_RATE_HZ))
    return Analysis(
        duration=round(measured.samples / SAMPLE_RATE_HZ, 3),
        bpm=None if rhythm.bpm is None else round(rhythm.bpm, 3),
        bpm_confidence=round(rhythm.confidence, 3),
        bpm_candidates=[round(bpm, 2) for bpm in rhythm.candidates],
        key=key.name,
        key_confidence=round(key.confidence, 3),
        tuning_cents=None if key.name is None else round(100.0 * off, 1),
        loudness_lufs=_rounded(meter.lufs()),
        true_peak_dbtp=_rounded(meter.peak_dbtp()),
        beats=[round(float(beat), 3) for beat in rhythm.beats],
        downbeats=[round(float(beat), 3) for beat in bars],
        energy=_energy(rhythm.beats, measured),
    )


def _beginning(measured: Bands) -> int:
    """The first tick that is within 50 dB of the loud ones."""
    loud = float(np.percentile(measured.power, 95.0))
    return int(np.argmax(measured.power > max(1e-5 * loud, _SILENCE)))


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 2)


def _energy(beats: NDArray[np.float64], measured: Bands) -> list[float]:
    """Root mean square from each beat to the next, beside the loudest beat's."""
    if len(beats) < 2:
        return []
    edges = np.append(beats, 2 * beats[-1] - beats[-2]) * TICK_RATE_HZ
    ticks = np.clip(np.round(edges), 0, len(measured.power)).astype(np.int64)
    total = np.concatenate([[0.0], np.cumsum(measured.power, dtype=np.float64)])
    length = np.maximum(ticks[1:] - ticks[:-1], 1)
    level = np.sqrt(np.maximum(total[ticks[1:]] - total[ticks[:-1]], 0.0) / length)
    return [round(float(value), 4) for value in level / max(float(level.max()), 1e-9)]
