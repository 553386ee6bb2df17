"""What time and sound do to the whole scene, tick by tick: the table that the kernels read.

Sound comes from the features of the whole track; types that are deaf get zeros there and nothing else. A beat
is a pulse that rises within 40 ms and falls over 250 ms; it drives energy, speed and length of streaks
together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from render.audio.features import AudioFeatures
from render.particles import motion as m
from render.particles.config import ParticleConfig, ParticleType
from render.particles.laws import DEAF
from render.particles.waves import sine

ATTACK_TICKS = 4  # 33 ms
_RELEASE = 0.92  # a tick: 8 % is left after 250 ms

_RUSH = {ParticleType.SNOW: 1.6, ParticleType.ENHANCED: 5.0, ParticleType.BOUNCING: 4.5}
_RUSH_DEFAULT = 2.5
_SWAY = 0.010  # heights a second: how fast the view drifts


@njit(nogil=True, cache=True, error_model="numpy")
def _follow(level: Any, release: float) -> Any:
    """Rises with the level at once and falls by the factor `release` a tick."""
    out = np.empty(level.shape[0])
    now = 0.0
    for k in range(level.shape[0]):
        now = max(level[k], now * release)
        out[k] = now
    return out


def drive_table(
    kind: ParticleType, config: ParticleConfig, features: AudioFeatures | None, ticks: int
) -> NDArray[np.float64]:
    """(DRIVE_ROWS, ticks) float64."""
    out = np.zeros((m.DRIVE_ROWS, ticks))
    if features is not None and kind not in DEAF:
        _listen(out, config, features)
    seconds = np.arange(ticks) / m.TICK_RATE_HZ
    out[m.RUSH] = 1.0 + _RUSH.get(kind, _RUSH_DEFAULT) * out[m.PULSE]
    start = (config.seed % 977) / 977.0
    out[m.WIND_X] = _SWAY * (sine(seconds / 41.0 + start) + 0.6 * sine(seconds / 23.0 + 2 * start))
    out[m.WIND_Y] = 0.6 * _SWAY * (sine(seconds / 53.0 + 3 * start) + 0.6 * sine(seconds / 29.0 + 5 * start))
    out[m.TURN] = 0.010 * sine(seconds / 61.0 + 7 * start) * (1.0 + out[m.LOUD])
    phase_rate = 0.05 + 0.1 * out[m.BASS]
    out[m.BEAT] = np.cumsum(phase_rate) * (30.0 / m.TICK_RATE_HZ / (2 * np.pi))
    return out


def _listen(out: NDArray[np.float64], config: ParticleConfig, features: AudioFeatures) -> None:
    ticks = out.shape[1]
    bass = _fitted(features.bass, ticks)
    mode = config.enhanced_mode
    level = (
        np.where(bass >= mode.threshold, np.minimum(1.0, bass * mode.factor), bass) if mode.active else bass
    )
    out[m.BASS] = level
    kick = _fitted(features.onset, ticks)
    out[m.PULSE] = _beat(np.maximum(0.55 * level, kick * np.minimum(1.0, 0.3 + level)))
    out[m.LOUD] = _fitted(features.loudness, ticks)
    sparkle = _fitted(features.sparkle, ticks)
    out[m.SPARKLE] = _beat(sparkle)
    out[m.BEATING] = np.cumsum(np.diff(sparkle, prepend=0.0) > 0.1)


def _beat(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """A pulse of the level: attack over ATTACK_TICKS, begun just before, so that it is whole at the beat."""
    followed = _follow(np.ascontiguousarray(level), _RELEASE)
    padded = np.concatenate([followed, np.repeat(followed[-1:], ATTACK_TICKS)])
    total = np.zeros_like(followed)
    for k in range(ATTACK_TICKS):
        total += padded[k : k + len(followed)]
    return np.asarray(total / ATTACK_TICKS, np.float64)


def _fitted(values: NDArray[np.float32], ticks: int) -> NDArray[np.float64]:
    """The first `ticks` values, silence behind the end of the track."""
    out = np.zeros(ticks)
    count = min(ticks, len(values))
    out[:count] = values[:count]
    return out
