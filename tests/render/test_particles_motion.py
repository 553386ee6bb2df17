"""The laws of motion: what each type does over seconds; size and rate of the picture do not matter."""

from __future__ import annotations

import numpy as np
import pytest

from render.particles import motion
from render.particles.config import ParticleConfig, ParticleType
from render.particles.drive import drive_table
from render.particles.scene import Scene
from tests.render.particle_scenes import kick_features, small


def scene_at(kind: ParticleType, config: ParticleConfig, seconds: float, loud: bool = False) -> Scene:
    ticks = int(seconds * motion.TICK_RATE_HZ)
    drive = drive_table(kind, config, kick_features() if loud else None, ticks + 2)
    scene = Scene(kind, config, drive, with_past=False)
    scene.advance(ticks)
    return scene


@pytest.mark.parametrize("kind", list(ParticleType))
def test_the_same_scene_at_every_size_and_rate(kind: ParticleType) -> None:
    """Positions are in heights: 360p and 4K, 24 and 60 frames a second have the very same."""
    first = scene_at(kind, small(width=640, height=360, fps=24), 3, loud=True)
    other = scene_at(kind, small(width=3840, height=2160, fps=60), 3, loud=True)
    assert np.array_equal(first.particles.state, other.particles.state)
    assert np.array_equal(first.particles.alive, other.particles.alive)


@pytest.mark.parametrize("kind", list(ParticleType))
def test_how_a_tick_was_reached_does_not_matter(kind: ParticleType) -> None:
    direct = scene_at(kind, small(), 2, loud=True)
    stepped = scene_at(kind, small(), 0)
    stepped.drive = direct.drive
    for tick in (1, 2, 5, 100, 101, 240):
        stepped.advance(tick)
    assert np.array_equal(direct.particles.state, stepped.particles.state)


@pytest.mark.parametrize("bounce", [False, True])
@pytest.mark.parametrize("kind", [ParticleType.BOUNCING, ParticleType.ENHANCED, ParticleType.ZEN])
def test_nobody_stays_outside(kind: ParticleType, bounce: bool) -> None:
    scene = scene_at(kind, small(bounce=bounce, outer_movement_strength=10.0), 6, loud=True)
    margin = scene.law[motion.MARGIN] + 1e-9
    x, y = scene.particles.state[motion.X], scene.particles.state[motion.Y]
    assert (x >= -margin).all() and (x <= scene.law[motion.ASPECT] + margin).all()
    assert (y >= -margin).all() and (y <= 1 + margin).all()


def test_bouncing_keeps_its_number_and_its_particles_turn_back() -> None:
    config = small(speed_x=30.0)
    before = scene_at(ParticleType.BOUNCING, config, 0.1)
    after = scene_at(ParticleType.BOUNCING, config, 2.5)
    assert before.living == after.living == config.particle_count
    assert (before.particles.state[motion.VX] > 0).mean() > 0.9
    assert (after.particles.state[motion.VX] < 0).mean() > 0.3


def test_no_music_truly_wraps() -> None:
    """Whoever leaves on the right comes in on the left at the same height, with the same velocity."""
    config = small(speed_x=20.0, inner_movement_strength=0.0)
    scene = scene_at(ParticleType.NO_MUSIC, config, 0)
    drive = drive_table(ParticleType.NO_MUSIC, config, None, 400)
    scene.drive = drive
    for tick in range(1, 300):
        x, y = scene.particles.state[motion.X].copy(), scene.particles.state[motion.Y].copy()
        scene.advance(tick)
        left = scene.particles.state[motion.X] < x - 1.0
        if left.any():
            assert np.allclose(scene.particles.state[motion.Y][left], y[left], atol=0.01)
            assert (scene.particles.state[motion.VX][left] > 0).all()
            return
    raise AssertionError("nobody crossed the right edge")


def test_snow_leaves_the_centre_and_is_removed_outside() -> None:
    config = small(particle_count=100)
    scene = scene_at(ParticleType.SNOW, config, 0)
    dx = scene.particles.state[motion.X] - scene.law[motion.CENTRE_X]
    dy = scene.particles.state[motion.Y] - scene.law[motion.CENTRE_Y]
    outward = dx * scene.particles.state[motion.VX] + dy * scene.particles.state[motion.VY]
    assert (outward[scene.particles.alive == 1] > 0).all()
    # Fast snow is gone in no time: what is there was born since, and never more than twice the count.
    fast = scene_at(ParticleType.SNOW, small(particle_count=100, speed_x=50.0), 4)
    assert 0 < fast.living <= 200
    assert (fast.particles.born[fast.particles.alive == 1] > 0).any()
    x = fast.particles.state[motion.X][fast.particles.alive == 1]
    assert (x < fast.law[motion.ASPECT] + 0.5).all()


def test_the_bass_brings_new_flakes_and_speed() -> None:
    quiet = scene_at(ParticleType.SNOW, small(particle_count=100), 3)
    loud = scene_at(ParticleType.SNOW, small(particle_count=100), 3, loud=True)
    assert loud.particles.counters[motion.BORN] > 1.5 * quiet.particles.counters[motion.BORN]


def test_continuous_spawning_begins_empty_and_keeps_its_rate_and_its_limit() -> None:
    """0.5 a frame of thirty a second for a limit of 1,000: 15 a second."""
    config = small(max_particles=1000)
    assert scene_at(ParticleType.CONTINUOUS_SPAWNING, config, 0).living == 0
    assert scene_at(ParticleType.CONTINUOUS_SPAWNING, config, 2).living == pytest.approx(30, abs=1)
    full = scene_at(ParticleType.CONTINUOUS_SPAWNING, small(max_particles=20, steady_spawn_rate=100.0), 1)
    assert full.living == 20
    loud = scene_at(ParticleType.CONTINUOUS_SPAWNING, config, 2, loud=True)
    assert loud.particles.counters[motion.BORN] > 60


def test_particles_of_continuous_spawning_grow_old() -> None:
    """A thousand frames of the reference, which slow ones in the middle reach."""
    config = small(max_particles=500, speed_x=0.01, speed_y=0.01)
    scene = scene_at(ParticleType.CONTINUOUS_SPAWNING, config, 40)
    ages = scene.tick - scene.particles.born[scene.particles.alive == 1]
    assert ages.max() <= 4000 + 4


def test_the_spawn_area_is_where_they_begin() -> None:
    config = small(
        max_particles=400,
        steady_spawn_rate=100.0,
        spawn_center_x=0.25,
        spawn_center_y=0.75,
        spawn_area_width=0.2,
        spawn_area_height=0.1,
    )
    scene = scene_at(ParticleType.CONTINUOUS_SPAWNING, config, 0.05)
    aspect = scene.law[motion.ASPECT]
    x, y = (scene.particles.state[row][scene.particles.alive == 1] for row in (motion.X, motion.Y))
    assert len(x) > 5
    assert np.abs(x - 0.25 * aspect).max() < 0.1 * aspect + 0.02
    assert np.abs(y - 0.75).max() < 0.05 + 0.02
    assert x.std() > 0.02


def test_enhanced_bursts_outward_on_a_beat_and_is_pulled_in_between() -> None:
    """The mean velocity away from the centre, heights a second: up by the kick at 2 s, down before 2.5 s."""

    def outward(seconds: float, loud: bool = True) -> float:
        scene = scene_at(ParticleType.ENHANCED, small(particle_count=400), seconds, loud=loud)
        dx = scene.particles.state[motion.X] - scene.law[motion.CENTRE_X]
        dy = scene.particles.state[motion.Y] - scene.law[motion.CENTRE_Y]
        way = dx * scene.particles.state[motion.VX] + dy * scene.particles.state[motion.VY]
        return float((way / (np.sqrt(dx * dx + dy * dy) + 1e-9)).mean())

    before, kicked, after = outward(1.95), outward(2.12), outward(2.45)
    assert kicked > before + 0.008
    assert after < kicked - 0.005
    assert abs(outward(2.12, loud=False) - outward(1.95, loud=False)) < 0.005


def test_a_beat_rises_within_40_ms_and_falls_over_250() -> None:
    drive = drive_table(ParticleType.ENHANCED, small(), kick_features(), 600)
    pulse = drive[motion.PULSE]
    top = int(pulse[100:160].argmax()) + 100
    assert pulse[top - 6] < 0.35 * pulse[top]
    assert 0.05 < pulse[top + 30] / pulse[top] < 0.4
    assert abs(top - 120) <= 6


def test_draws_are_even_and_independent() -> None:
    first = motion.draws(1, 20_000, 5, motion.CH_SPEED)
    for other in (
        motion.draws(2, 20_000, 5, motion.CH_SPEED),
        motion.draws(1, 20_000, 6, motion.CH_SPEED),
        motion.draws(1, 20_000, 5, motion.CH_ANGLE),
        motion.draws(-1, 20_000, 5, motion.CH_SPEED),
        np.roll(first, 1),
    ):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.03
    assert np.abs(np.histogram(first, 20, (0, 1))[0] / 1000 - 1).max() < 0.15
