"""One window of a mix into its stems: the kicks first, as a waveform, then masks for what is left."""

from __future__ import annotations

import numpy as np

from render.audio.separation.kicks import kicks
from render.audio.separation.masks import shares
from render.audio.separation.spectrum import Array, Grid
from render.audio.separation.version import STEMS

_SILENCE = 1e-7  # -140 dB: nothing that anybody plays


def parted(mix: Array, pair: Array, grid: Grid) -> dict[str, Array]:
    """Each of `STEMS` as (samples, channels) float32; they sum to `mix`.

    `pair` is the mix as two channels, (samples, 2): what is listened to, whatever channels there are.
    """
    if not mix.size or float(np.abs(mix).max()) < _SILENCE:
        return {stem: np.zeros_like(mix) for stem in STEMS[:-1]} | {STEMS[-1]: mix.copy()}
    both = kicks(np.concatenate([mix, pair], axis=1), grid.rate_hz)
    struck, heard = both[:, : mix.shape[1]], pair - both[:, mix.shape[1] :]
    left = grid.analyse(heard[:, 0])
    is_mono = np.array_equal(heard[:, 0], heard[:, 1])
    found = shares(left, left if is_mono else grid.analyse(heard[:, 1]), grid)
    del left
    stems = {stem: np.empty_like(mix) for stem in STEMS}
    rest = mix - struck
    for channel in range(mix.shape[1]):
        spectrum = grid.analyse(rest[:, channel])
        left_over = rest[:, channel].copy()
        for stem in STEMS[:-1]:
            piece = grid.synthesise(spectrum * found.of(stem), len(mix))
            stems[stem][:, channel] = piece
            left_over -= piece
        stems[STEMS[-1]][:, channel] = left_over
    stems["drums"] += struck
    return stems
