"""The picture moves with the song: over 60 s of a kick track the mean luma follows the bass level.

The measure is the mean luma of the frame for each of the four reactive types, at the best lag within 0.2 s.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.particles.config import ParticleType
from render.particles.film import frames
from tests.render.particle_scenes import DEAF, REACTIVE, kick_features, small

FPS, SECONDS = 15, 60


def mean_luma(kind: ParticleType) -> NDArray[np.float64]:
    config = small(fps=FPS, particle_count=200, max_particles=1000)
    film = frames(kind, config, kick_features(SECONDS), count=FPS * SECONDS)
    return np.array([planes[: config.height].mean() for planes in film])


def best_correlation(level: NDArray[np.floating], seen: NDArray[np.float64], reach: int) -> float:
    count = len(level)
    return max(
        float(
            np.corrcoef(level[max(0, -lag) : count - max(0, lag)], seen[max(0, lag) : count - max(0, -lag)])[
                0, 1
            ]
        )
        for lag in range(-reach, reach + 1)
    )


@pytest.mark.parametrize("kind", REACTIVE)
def test_the_bass_is_seen(kind: ParticleType) -> None:
    bass = kick_features(SECONDS).bass[np.arange(FPS * SECONDS) * 120 // FPS]
    assert best_correlation(bass, mean_luma(kind), FPS // 5) >= 0.7


@pytest.mark.parametrize("kind", DEAF)
def test_deaf_types_do_not_follow(kind: ParticleType) -> None:
    bass = kick_features(SECONDS).bass[np.arange(FPS * SECONDS) * 120 // FPS]
    assert abs(best_correlation(bass, mean_luma(kind), FPS // 5)) < 0.2
