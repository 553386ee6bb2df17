"""The way of the programs that this one replaces: one `cv2.circle` a particle on black, then BGR to YUV.

Written from the description of how they draw: if the centre of a particle lies inside, its colour is
multiplied by its brightness, place and size are cut to whole numbers, and a filled circle is drawn. Where the
particles are is computed before, so their simulation is not counted. `bare` leaves out the arithmetic too:
everything is a tuple of whole numbers already, which no program has for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

WIDTH, HEIGHT = 1920, 1080
STATES = 30  # pictures with places of their own; then they come again


@dataclass
class Particle:
    x: float
    y: float
    size: float
    brightness: float
    color: tuple[int, int, int] = (255, 255, 255)


Circle = tuple[tuple[int, int], int, tuple[int, int, int]]


@cache
def states(particles: int) -> list[list[Particle]]:
    """The particles of each picture, on their way from a ring outwards; nearly all are inside."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, 2 * np.pi, particles)
    start = random.uniform(0, 1, particles)
    speed = random.uniform(0.2, 1.0, particles)
    size = random.uniform(1.0, 4.0, particles)
    found = []
    for number in range(STATES):
        way = (start + speed * number / STATES) % 1.0 * 0.5 * HEIGHT
        x, y = WIDTH / 2 + np.cos(angle) * way * 1.7, HEIGHT / 2 + np.sin(angle) * way
        brightness = 0.3 + 0.7 * np.abs(np.sin(angle * 7 + number / 9))
        columns = (column.tolist() for column in (x, y, size, brightness))
        found.append([Particle(*row) for row in zip(*columns, strict=True)])
    return found


@cache
def circles(particles: int) -> list[list[Circle]]:
    return [[_circle(one) for one in picture] for picture in states(particles)]


def _circle(one: Particle) -> Circle:
    light = int(one.color[0] * one.brightness)
    return (int(one.x), int(one.y)), int(one.size), (light, light, light)


def frames(particles: int, count: int) -> Iterator[np.ndarray]:
    """`count` pictures as yuv420p planes; each is a new array."""
    moments = states(particles)
    for number in range(count):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for one in moments[number % STATES]:
            if 0 <= one.x < WIDTH and 0 <= one.y < HEIGHT:
                color = tuple(int(channel * one.brightness) for channel in one.color)
                cv2.circle(picture, (int(one.x), int(one.y)), int(one.size), color, -1)
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)


def bare(particles: int, count: int) -> Iterator[np.ndarray]:
    """The same with nothing but the calls."""
    moments = circles(particles)
    for number in range(count):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for centre, size, color in moments[number % STATES]:
            cv2.circle(picture, centre, size, color, -1)
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
