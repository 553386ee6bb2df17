"""What is in the picture: colours, background, glow, sizes, brightness, and every extreme of the config."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.particles.config import Color, ParticleConfig, ParticleType
from render.particles.film import frame, frames
from tests.render.particle_scenes import REACTIVE, digest, kick_features, small

Image = NDArray[np.float64]


def split(planes: NDArray[np.uint8], config: ParticleConfig) -> tuple[NDArray[np.uint8], ...]:
    width, height = config.width, config.height
    flat = planes.reshape(-1)
    luma, chroma = width * height, width * height // 4
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(height // 2, width // 2),
        flat[luma + chroma :].reshape(height // 2, width // 2),
    )


def rgb(planes: NDArray[np.uint8], config: ParticleConfig) -> Image:
    """(h / 2, w / 2, 3) code values 0..255 at the size of the chroma planes."""
    y, u, v = (plane.astype(np.float64) for plane in split(planes, config))
    small_y = y.reshape(config.height // 2, 2, config.width // 2, 2).mean(axis=(1, 3))
    luma, blue, red = (small_y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.asarray(np.clip(np.stack([r, g, b], axis=-1), 0, 1) * 255, np.float64)


def codes(color: Color) -> tuple[int, int, int]:
    """BT.709 limited codes of a colour, by the standard's formula."""
    r, g, b = (channel / 255 for channel in color)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    exact = 16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748
    return tuple(int(np.floor(value + 0.5)) for value in exact)  # type: ignore[return-value]


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (12, 34, 56), (200, 10, 90), (128, 128, 128)])
def test_a_background_is_exactly_that_colour(color: Color) -> None:
    config = small(background=color, particle_colors=((0, 0, 0),))
    planes = frame(ParticleType.ENHANCED, config, kick_features(), 40)
    for plane, code in zip(split(planes, config), codes(color), strict=True):
        assert (plane == code).all()


def test_a_background_stays_flat_where_no_light_is() -> None:
    config = small(background=(30, 60, 90), particle_count=1, glow=0.0)
    planes = frame(ParticleType.BOUNCING, config, None, 10)
    luma = split(planes, config)[0]
    assert (luma == codes((30, 60, 90))[0]).mean() > 0.95
    assert luma.max() > 80


def test_the_own_stage_is_dark_but_never_black_and_stands_still() -> None:
    config = small(particle_count=1, glow=0.0, width=320, height=180)
    first, second = (split(frame(ParticleType.ZEN, config, None, n), config)[0].copy() for n in (0, 60))
    assert 17 <= np.median(first) <= 45
    assert first[20:-20, 20:-20].min() > 16
    assert (first == second).mean() > 0.98


@pytest.mark.parametrize("kind", list(ParticleType))
@pytest.mark.parametrize(("color", "channel"), [((255, 0, 0), 0), ((0, 255, 0), 1), ((0, 0, 255), 2)])
def test_every_type_honours_its_colours(kind: ParticleType, color: Color, channel: int) -> None:
    """Red is red: the bright pixels have their strongest channel where the colour has it."""
    config = small(particle_colors=(color,), background=(0, 0, 0))
    image = rgb(frame(kind, config, kick_features(), 45), config)
    lit = image.max(axis=2) > 40
    assert lit.sum() > 20
    strongest = image[lit].argmax(axis=1)
    assert (strongest == channel).mean() > 0.97


def test_several_colours_are_all_there_and_nothing_between() -> None:
    colors: tuple[Color, ...] = ((255, 0, 0), (0, 0, 255))
    config = small(
        particle_colors=colors, particle_count=300, glow=0.0, background=(0, 0, 0), width=640, height=360
    )
    image = rgb(frame(ParticleType.ZEN, config, None, 30), config)
    lit = image[image.max(axis=2) > 60]
    red, blue = lit[:, 0] > 1.5 * lit[:, 2], lit[:, 2] > 1.5 * lit[:, 0]
    assert red.mean() > 0.15 and blue.mean() > 0.15
    # No green comes from anywhere, but for cores that whiten.
    assert (lit[:, 1] < 0.6 * lit.max(axis=1)).mean() > 0.9


def test_white_light_has_warm_and_cool() -> None:
    config = small(particle_count=300, particle_colors=((255, 255, 255),), glow=0.0, background=(0, 0, 0))
    image = rgb(frame(ParticleType.ZEN, config, None, 30), config)
    lit = image[image.max(axis=2) > 60]
    warmth = lit[:, 0] - lit[:, 2]
    assert (warmth > 8).mean() > 0.1 and (warmth < -8).mean() > 0.1
    assert np.abs(warmth).max() < 130


def test_the_mix_of_colours_turns_with_time() -> None:
    config = small(particle_colors=((255, 40, 20), (20, 60, 255)), particle_count=400)
    mean = [rgb(frame(ParticleType.BOUNCING, config, None, n), config).mean(axis=(0, 1)) for n in (0, 700)]
    ratio = [value[0] / value[2] for value in mean]
    assert abs(ratio[1] / ratio[0] - 1) > 0.1


def test_glow_scales_from_none() -> None:
    config = [small(glow=glow, background=(0, 0, 0)) for glow in (0.0, 0.3, 1.0)]
    luma = [split(frame(ParticleType.BOUNCING, item, None, 20), item)[0].astype(int) for item in config]
    dark = luma[0] == 16
    assert dark.mean() > 0.8
    assert luma[0].mean() < luma[1].mean() < luma[2].mean()
    assert (luma[2][dark] > 16).mean() > 0.5


def test_enhanced_particles_change_their_size() -> None:
    """By `speed_z`, between 0.5 and 10 pixels of the reference: bigger lights light more pixels."""
    lit = []
    for speed_z, number in itertools.product((1.0, 0.0), (0, 8, 16)):
        config = small(glow=0.0, speed_z=speed_z, background=(0, 0, 0), width=640, height=360)
        lit.append(int((split(frame(ParticleType.ENHANCED, config, None, number), config)[0] > 60).sum()))
    assert lit[1] > 1.5 * lit[0]
    assert lit[3] < lit[1]


def test_trails_draw_where_lights_have_been() -> None:
    plain, long = small(glow=0.0, particle_count=20), small(glow=0.0, particle_count=20, trails=1.0)
    first, second = (
        split(frame(ParticleType.ENHANCED, item, kick_features(), 66), item)[0].astype(int)
        for item in (plain, long)
    )
    assert (second >= first - 3).mean() > 0.99
    assert (second > first + 20).sum() > 60


def test_the_hud_is_drawn_only_when_asked_and_only_at_its_place() -> None:
    config, shown = small(width=320, height=180), small(width=320, height=180, show_hud=True)
    without = frame(ParticleType.SNOW, config, kick_features(), 31)
    with_hud = frame(ParticleType.SNOW, shown, kick_features(), 31)
    changed = np.argwhere(split(without, config)[0] != split(with_hud, shown)[0])
    assert len(changed) > 50
    assert changed[:, 0].min() > 140 and changed[:, 1].max() < 200


@pytest.mark.parametrize("kind", list(ParticleType))
def test_a_small_picture_is_the_same_scene(kind: ParticleType) -> None:
    """360 lines beside 1080 lines scaled down: the same lights at the same places."""
    big, little = (small(width=h * 16 // 9, height=h, particle_count=200) for h in (1080, 360))
    first = split(frame(kind, big, kick_features(), 47), big)[0].astype(np.float32)
    second = split(frame(kind, little, kick_features(), 47), little)[0].astype(np.float32)
    scaled = cv2.GaussianBlur(cv2.resize(first, (640, 360), interpolation=cv2.INTER_AREA), (0, 0), 1.5)
    blurred = cv2.GaussianBlur(second, (0, 0), 1.5)
    assert np.corrcoef(scaled.ravel(), blurred.ravel())[0, 1] > 0.9
    assert abs(scaled.mean() - blurred.mean()) < 6


@pytest.mark.parametrize("kind", REACTIVE)
@pytest.mark.parametrize("count", [200, 3000])
def test_a_beat_does_not_burn_the_picture_out(kind: ParticleType, count: int) -> None:
    config = small(
        width=640,
        height=360,
        particle_count=count,
        max_particles=count,
        particle_colors=((255, 255, 255),),
        glow=1.0,
    )
    for number in (120, 122, 124):
        image = rgb(frame(kind, config, kick_features(), number), config)
        assert (image.min(axis=2) > 250).mean() < 0.03


@pytest.mark.parametrize("kind", list(ParticleType))
@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (18, 22), (16, 7680), (7680, 16), (34, 200), (854, 480)]
)
def test_odd_shapes(kind: ParticleType, width: int, height: int) -> None:
    config = small(width=width, height=height, particle_count=30, trails=0.5, show_hud=True)
    for planes in frames(kind, config, kick_features(), start_frame=14, count=3):
        assert planes.shape == (height * 3 // 2, width)
        luma, blue, red = split(planes, config)
        assert luma.min() >= 16 and luma.max() <= 235
        assert min(blue.min(), red.min()) >= 16 and max(blue.max(), red.max()) <= 240


EXTREMES: dict[str, list[object]] = {
    "x_position": [-1.0, 2.0],
    "y_position": [-1.0, 2.0],
    "speed_x": [-50.0, 50.0],
    "speed_y": [50.0],
    "speed_z": [50.0],
    "outer_movement_strength": [0.0, 10.0],
    "inner_movement_strength": [0.0, 10.0],
    "steady_spawn_rate": [0.0, 100.0],
    "spawn_center_x": [-1.0, 2.0],
    "spawn_area_width": [2.0],
    "bass_threshold": [0.0, 1.0],
    "particle_colors": [((0, 0, 0),), tuple((k, 255 - k, 3 * k) for k in range(64))],
    "seed": [-(2**31), 0, 2**31 - 1],
    "fps": [1, 120],
    "glow": [0.0, 1.0],
}


@pytest.mark.parametrize("kind", list(ParticleType))
def test_every_end_of_every_range(kind: ParticleType) -> None:
    pairs = itertools.chain.from_iterable(
        ((name, value) for value in values) for name, values in EXTREMES.items()
    )
    for name, value in pairs:
        config = small(width=64, height=36, particle_count=12, spawn_area_height=0.5, **{name: value})
        planes = frame(kind, config, kick_features(), 20)
        assert planes.max() <= 240 and planes.min() >= 16, name


@pytest.mark.parametrize("kind", list(ParticleType))
def test_a_hundred_thousand_particles(kind: ParticleType) -> None:
    config = small(particle_count=100_000, max_particles=100_000, steady_spawn_rate=100.0, trails=0.1)
    first, again = (digest(frame(kind, config, kick_features(), 16)) for _ in range(2))
    assert first == again


def test_a_ring_of_many_overlapping_lights_saturates_and_does_not_wrap_around() -> None:
    """Sums stop at the top: the middle of a hundred thousand lights in one point is the brightest place."""
    config = small(
        particle_count=20_000,
        inner_movement_strength=10.0,
        particle_colors=((255, 0, 0),),
        glow=0.0,
        background=(0, 0, 0),
    )
    luma = split(frame(ParticleType.ENHANCED, config, None, 300), config)[0].astype(int)
    centre = luma[35:55, 70:90]
    assert centre.max() >= luma.max() - 2
