"""The way of the programs that this one replaces: one `cv2.circle` a particle on black, then BGR to YUV.

Written from the description of what they do; where the particles are is computed before, so that only drawing
and conversion are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

WIDTH, HEIGHT = 1920, 1080
STATES = 60  # pictures with places of their own; then they come again


@cache
def states(particles: int) -> list[list[tuple[tuple[int, int], int, tuple[int, int, int]]]]:
    """For each picture what is drawn: centre, radius 1..4, colour. The particles leave a ring outwards."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, 2 * np.pi, particles)
    start = random.uniform(0, 1, particles)
    speed = random.uniform(0.2, 1.0, particles)
    radius = random.integers(1, 5, particles)
    found = []
    for number in range(STATES):
        way = (start + speed * number / STATES) % 1.0 * 0.6 * HEIGHT
        x = (WIDTH / 2 + np.cos(angle) * way * 1.6).astype(int)
        y = (HEIGHT / 2 + np.sin(angle) * way).astype(int)
        light = (255 * (0.3 + 0.7 * np.abs(np.sin(angle * 7 + number / 9)))).astype(int)
        drawn = zip(x.tolist(), y.tolist(), radius.tolist(), light.tolist(), strict=True)
        found.append([((a, b), size, (c, c, c)) for a, b, size, c in drawn])
    return found


def frames(particles: int, count: int) -> Iterator[np.ndarray]:
    """`count` pictures as yuv420p planes; each is a new array."""
    cv2.setNumThreads(1)
    moments = states(particles)  # kept: only the first, uncounted call computes them
    for number in range(count):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for centre, size, colour in moments[number % STATES]:
            cv2.circle(picture, centre, size, colour, -1)
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
