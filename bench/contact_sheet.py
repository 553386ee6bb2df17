"""The README's picture: the six particle types, each in a quiet moment and on a beat of the demo's own
groove.

    python -m bench.contact_sheet [-o docs/contact-sheet.jpg]

Rendered at 1080p with the real kernels and the real features of the groove, then scaled down.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import groove
from render.audio.features import TICK_RATE_HZ, AudioFeatures, analyse
from render.particles.config import TYPES, Color, ParticleConfig, ParticleType, TypeInfo
from render.particles.film import frame

Image = NDArray[np.uint8]

CELL_WIDTH, CELL_HEIGHT = 640, 360
GAP, CAPTION = 12, 46
INK = (14, 10, 9)  # blue, green, red
PALETTES: dict[ParticleType, tuple[Color, ...]] = {
    ParticleType.SNOW: ((255, 255, 255),),
    ParticleType.ZEN: ((150, 80, 235), (50, 180, 190), (80, 130, 255)),
    ParticleType.ENHANCED: ((255, 70, 60), (110, 70, 255), (255, 160, 40)),
    ParticleType.BOUNCING: ((30, 220, 160), (255, 60, 150), (80, 120, 255)),
    ParticleType.CONTINUOUS_SPAWNING: ((255, 96, 40), (255, 190, 70), (220, 50, 130), (80, 80, 235)),
    ParticleType.NO_MUSIC: ((255, 244, 230), (255, 176, 96), (120, 170, 255)),
}


def config_of(kind: ParticleType) -> ParticleConfig:
    return ParticleConfig(
        particle_count=1600,
        max_particles=4000,
        particle_colors=PALETTES[kind],
        seed=7,
        trails=0.35 if kind in (ParticleType.CONTINUOUS_SPAWNING, ParticleType.NO_MUSIC) else 0.0,
    )


def moments(features: AudioFeatures) -> tuple[int, int]:
    """Two frames at 30 a second: the quietest moment amid the song, and just after its strongest kick."""
    bass = features.bass.astype(np.float64)
    inside = np.arange(len(bass))[len(bass) // 4 : len(bass) * 9 // 10]
    near = np.convolve(bass + features.loudness, np.ones(TICK_RATE_HZ // 2), "same")
    quiet = int(inside[near[inside].argmin()])
    kicks = inside[features.onset[inside] > 0.6]
    strongest = int(kicks[bass[kicks + 6].argmax()]) if len(kicks) else int(bass.argmax())
    return quiet * 30 // TICK_RATE_HZ, (strongest + 7) * 30 // TICK_RATE_HZ


def to_bgr(planes: Image, width: int, height: int) -> Image:
    """BT.709 limited yuv420p planes to 8 bit blue, green, red."""
    flat = planes.reshape(-1)
    size = width * height
    y = flat[:size].reshape(height, width).astype(np.float32)
    u, v = (
        cv2.resize(flat[start : start + size // 4].reshape(height // 2, width // 2), (width, height)).astype(
            np.float32
        )
        for start in (size, size * 5 // 4)
    )
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return (np.clip(np.stack([b, g, r], axis=-1), 0, 1) * 255 + 0.5).astype(np.uint8)


def cell(kind: ParticleType, features: AudioFeatures, number: int) -> Image:
    config = config_of(kind)
    image = to_bgr(frame(kind, config, features, number), config.width, config.height)
    return np.asarray(cv2.resize(image, (CELL_WIDTH, CELL_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def panel(info: TypeInfo, features: AudioFeatures, numbers: tuple[int, int]) -> Image:
    """Quiet above, beat below, the name under both."""
    quiet, beat = (cell(info.type, features, number) for number in numbers)
    caption = np.full((CAPTION, CELL_WIDTH, 3), INK, np.uint8)
    font = cv2.FontFace("sans")
    name = info.name.removesuffix(" Particles")
    cv2.putText(caption, name, (4, 30), (236, 230, 226), font, 21, 550)
    note = "quiet, then on a beat" if info.reacts_to_audio else "whatever is played"
    right = cv2.getTextSize((CELL_WIDTH, CAPTION), note, (0, 30), font, 16, 350)[2]
    cv2.putText(caption, note, (CELL_WIDTH - right - 4, 30), (150, 142, 138), font, 16, 350)
    gap = np.full((GAP // 2, CELL_WIDTH, 3), INK, np.uint8)
    return np.concatenate([quiet, gap, beat, caption])


def sheet(features: AudioFeatures) -> Image:
    numbers = moments(features)
    panels = [panel(info, features, numbers) for info in TYPES]
    gap = np.full((panels[0].shape[0], GAP, 3), INK, np.uint8)
    rows = [np.concatenate([gap, *_between(panels[start : start + 3], gap), gap], axis=1) for start in (0, 3)]
    edge = np.full((GAP, rows[0].shape[1], 3), INK, np.uint8)
    return np.concatenate([edge, *rows])


def _between(images: list[Image], gap: Image) -> list[Image]:
    return [part for image in images for part in (gap, image)][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/contact-sheet.jpg"))
    output: Path = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "groove.wav"
        groove.write(song)
        features = analyse(song)
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), sheet(features), [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
