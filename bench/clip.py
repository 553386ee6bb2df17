"""What is measured: a clip of the demo's own song, with its features computed before."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import groove
from bench.groove.clock import sample_at
from bench.groove.master import write_wave
from render.audio.features import AudioFeatures, analyse
from render.particles import film
from render.particles.config import ParticleConfig, ParticleType
from render.particles.warm import warm
from render.video.encode import AudioCut, VideoSpec

FPS = 30
KIND = ParticleType.ENHANCED
BEGIN_AT_BEAT = 20.0  # in the build: a short clip of the quiet intro would flatter


@dataclass(frozen=True)
class Clip:
    """A song on disk, its features, a folder for results, and how many frames are wanted."""

    song: Path
    features_path: Path
    features: AudioFeatures
    folder: Path
    seconds: int

    @property
    def frame_count(self) -> int:
        return self.seconds * FPS

    @property
    def audio(self) -> AudioCut:
        return AudioCut(str(self.song), 0.0, float(self.seconds))

    def config(self, particles: int) -> ParticleConfig:
        """1080p30 and otherwise as a client gets it who says nothing."""
        return ParticleConfig(
            fps=FPS,
            duration=float(self.seconds),
            particle_count=particles,
            max_particles=max(1000, particles),
        )

    def spec(self, quality: str) -> VideoSpec:
        return VideoSpec(1920, 1080, FPS, self.frame_count, quality)

    def drawn(self, particles: int, ring: int = 4) -> Iterator[np.ndarray]:
        return film.frames(KIND, self.config(particles), self.features, count=self.frame_count, ring=ring)


@contextmanager
def clip(seconds: int) -> Iterator[Clip]:
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        folder = Path(name)
        song = folder / "song.wav"
        once = np.roll(groove.play(), -sample_at(BEGIN_AT_BEAT), axis=0)
        write_wave(song, np.tile(once, (1 + seconds * groove.SAMPLE_RATE_HZ // len(once), 1)))
        features = analyse(str(song), None)
        path = folder / "features.npz"
        features.save(path)
        warm()
        yield Clip(song, path, features, folder, seconds)
