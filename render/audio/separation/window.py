"""One window of a mix into its stems: the kicks first, as a waveform, then masks for what is left."""

from __future__ import annotations

import numpy as np

from render.audio.separation.kicks import kicks
from render.audio.separation.masks import shares
from render.audio.separation.spectrum import Array, Grid
from render.audio.separation.version import STEMS

_LEFT = frozenset({"FL", "BL", "SL", "FLC", "WL", "TFL", "TBL", "TSL", "DL", "SDL"})
_RIGHT = frozenset({"FR", "BR", "SR", "FRC", "WR", "TFR", "TBR", "TSR", "DR", "SDR"})
_SILENCE = 1e-7  # -140 dB: nothing that anybody plays


def parted(mix: Array, channels: tuple[str, ...], grid: Grid) -> dict[str, Array]:
    """Each of `STEMS` as (samples, channels) float32; they sum to `mix`.

    `channels` names the mix's, as FFmpeg does: FL, FR, FC, LFE, BL, BR and so on.
    """
    if not mix.size or float(np.abs(mix).max()) < _SILENCE:
        return {stem: np.zeros_like(mix) for stem in STEMS[:-1]} | {STEMS[-1]: mix.copy()}
    offset = mix.mean(axis=0)  # where a window begins and ends it would be heard as a click
    mix = mix - offset
    struck = kicks(mix, grid.rate_hz)
    rest = mix - struck
    found = _listened(stereo_pair(rest, channels), grid)
    stems = {stem: np.empty_like(mix) for stem in STEMS}
    for channel in range(mix.shape[1]):
        spectrum = grid.analyse(rest[:, channel])
        left_over = rest[:, channel].copy()
        for stem, share in found.items():
            piece = grid.synthesise(spectrum * share, len(mix))
            stems[stem][:, channel] = piece
            left_over -= piece
        stems[STEMS[-1]][:, channel] = left_over
    stems["drums"] += struck
    stems[STEMS[-1]] += offset
    return stems


def _listened(pair: Array, grid: Grid) -> dict[str, Array]:
    left = grid.analyse(pair[:, 0])
    is_mono = np.array_equal(pair[:, 0], pair[:, 1])
    return shares(left, left if is_mono else grid.analyse(pair[:, 1]), grid)


def stereo_pair(mix: Array, channels: tuple[str, ...]) -> Array:
    """(samples, 2): two channels as they are, one twice, more by the side that they are on.

    This pair is what is listened to; the masks that it gives are every channel's.
    """
    if len(channels) <= 2:
        return np.ascontiguousarray(mix[:, [0, -1]])
    half = np.float32(np.sqrt(0.5))
    left = [0.0 if name in _RIGHT else 1.0 if name in _LEFT else half for name in channels]
    right = [0.0 if name in _LEFT else 1.0 if name in _RIGHT else half for name in channels]
    return np.asarray(mix @ np.array([left, right], np.float32).T, np.float32)
