"""The drum kits: for each lane a stroke, its level, its place between left (-1) and right (1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from render.music.synth.strokes import Stroke


@dataclass(frozen=True)
class Drum:
    stroke: Stroke
    level: float
    place: float = 0.0

    def __post_init__(self) -> None:
        """All floats: a kernel is compiled again for each mixture of whole numbers and others."""
        object.__setattr__(self, "stroke", Stroke(*(float(value) for value in self.stroke)))


def _kick(hz: float, octaves: float, decay: float, click: float = 0.15, drive: float = 0.3) -> Drum:
    stroke = Stroke(
        seconds=min(0.9, 4.5 * decay), skin=1.0, skin_hz=hz, sweep_octaves=octaves, sweep_seconds=0.022,
        skin_decay=decay, click=click, drive=drive,
    )  # fmt: skip
    return Drum(stroke, 1.0)


def _snare(hz: float, wires: float, decay: float, skin_decay: float = 0.07, drive: float = 0.15) -> Drum:
    stroke = Stroke(
        seconds=max(0.16, 4.0 * decay), skin=0.55, skin_hz=hz, sweep_octaves=0.5, sweep_seconds=0.012,
        skin_decay=skin_decay, overtone=0.5, overtone_ratio=1.72, wires=wires, wires_low_hz=900.0,
        wires_high_hz=8500.0, wires_decay=decay, click=0.1, drive=drive,
    )  # fmt: skip
    return Drum(stroke, 0.62, -0.04)


def _hat(decay: float, low_hz: float = 7500.0, hz: float = 540.0) -> Stroke:
    return Stroke(seconds=5.0 * decay + 0.02, metal=0.7, metal_hz=hz, metal_low_hz=low_hz, metal_decay=decay)


def _cymbal(decay: float, low_hz: float, hz: float, click: float = 0.0) -> Stroke:
    return Stroke(
        seconds=3.5 * decay, metal=0.45, metal_hz=hz, metal_low_hz=low_hz, metal_decay=decay, click=click
    )


def _tom(hz: float, decay: float) -> Stroke:
    return Stroke(
        seconds=4.0 * decay, skin=0.9, skin_hz=hz, sweep_octaves=0.7, sweep_seconds=0.04, skin_decay=decay,
        overtone=0.25, overtone_ratio=1.5, wires=0.12, wires_low_hz=400.0, wires_high_hz=4000.0,
        wires_decay=0.03,
    )  # fmt: skip


_CLAP = Drum(
    Stroke(seconds=0.32, wires=0.8, wires_low_hz=850.0, wires_high_hz=5200.0, wires_decay=0.085, hands=1.0),
    0.6,
    0.05,
)
_RIM = Drum(
    Stroke(
        seconds=0.08, skin=0.6, skin_hz=880.0, sweep_octaves=0.2, skin_decay=0.014, overtone=0.8,
        overtone_ratio=1.93,
        click=0.4,
    ),
    0.32, 0.22,
)  # fmt: skip
_SHAKER = Drum(
    Stroke(
        seconds=0.12,
        wires=0.6,
        wires_low_hz=5000.0,
        wires_high_hz=13000.0,
        wires_decay=0.03,
        wires_attack=0.018,
    ),
    0.2,
    0.4,
)

_909: dict[str, Drum] = {
    "kick": _kick(48.0, 2.4, 0.15, 0.2, 0.5),
    "snare": _snare(185.0, 0.7, 0.075),
    "clap": _CLAP,
    "rim": _RIM,
    "hat": Drum(_hat(0.028), 0.32, 0.18),
    "open": Drum(_hat(0.11), 0.34, -0.15),
    "ride": Drum(_cymbal(0.35, 5200.0, 460.0), 0.16, -0.25),
    "crash": Drum(_cymbal(0.75, 3800.0, 410.0), 0.34, -0.12),
    "shaker": _SHAKER,
    "tom": Drum(_tom(130.0, 0.13), 0.6, -0.25),
    "tomlow": Drum(_tom(88.0, 0.17), 0.7, 0.25),
    "pedal": Drum(_hat(0.018, 6000.0), 0.27, 0.2),
}

KITS: dict[str, dict[str, Drum]] = {
    "909": _909,
    "909hard": {
        **_909,
        "kick": _kick(46.0, 2.8, 0.17, 0.3, 1.1),
        "rim": replace(_RIM, level=0.3),
        "open": Drum(_hat(0.085, 8000.0), 0.34, -0.1),
    },
    "808": {
        **_909,
        "kick": _kick(44.0, 1.9, 0.2, 0.25, 0.6),
        "snare": _snare(200.0, 0.85, 0.085, 0.05),
        "hat": Drum(_hat(0.022, 8500.0, 610.0), 0.31, 0.12),
        "open": Drum(_hat(0.14, 7500.0, 610.0), 0.30, -0.15),
        "clap": replace(_CLAP, level=0.5),
    },
    "dusty": {
        **_909,
        "kick": _kick(55.0, 1.5, 0.12, 0.08, 0.6),
        "snare": _snare(210.0, 0.5, 0.07, 0.06, 0.4),
        "hat": Drum(_hat(0.03, 5500.0, 480.0), 0.19, 0.2),
        "rim": replace(_RIM, level=0.35),
    },
    "breaks": {
        **_909,
        "kick": _kick(58.0, 1.7, 0.12, 0.25, 0.5),
        "snare": _snare(215.0, 0.8, 0.08, 0.09, 0.4),
        "hat": Drum(_hat(0.035, 6000.0, 500.0), 0.27, 0.22),
        "ride": Drum(_cymbal(0.3, 5000.0, 480.0, 0.05), 0.13, -0.28),
    },
    "soft": {
        **_909,
        "kick": _kick(44.0, 0.8, 0.3, 0.0, 0.0),
        "ride": Drum(_cymbal(0.9, 4500.0, 430.0), 0.12, -0.3),
    },
    "gated": {
        **_909,
        "kick": _kick(52.0, 2.0, 0.14, 0.25, 0.5),
        "snare": Drum(
            Stroke(
                seconds=0.34, skin=0.6, skin_hz=180.0, sweep_octaves=0.6, sweep_seconds=0.02, skin_decay=0.11,
                overtone=0.4, wires=0.9, wires_low_hz=600.0, wires_high_hz=7500.0, wires_decay=0.22,
                drive=0.6,
            ),
            0.62,
        ),
        "tom": Drum(_tom(150.0, 0.2), 0.75, -0.35),
        "tomlow": Drum(_tom(95.0, 0.24), 0.8, 0.35),
    },
    "tight": {
        **_909,
        "kick": _kick(60.0, 1.6, 0.1, 0.3, 0.3),
        "snare": _snare(230.0, 0.75, 0.06, 0.07, 0.2),
        "hat": Drum(_hat(0.026, 6800.0, 560.0), 0.27, 0.22),
        "open": Drum(_hat(0.12, 6500.0, 560.0), 0.27, 0.22),
        "rim": replace(_RIM, level=0.55, place=0.0),
    },
    "rock": {
        **_909,
        "kick": _kick(57.0, 1.6, 0.13, 0.4, 0.6),
        "snare": _snare(190.0, 0.9, 0.11, 0.1, 0.5),
        "hat": Drum(_hat(0.05, 5800.0, 520.0), 0.30, 0.3),
        "crash": Drum(_cymbal(0.85, 3400.0, 380.0, 0.1), 0.42, -0.2),
    },
    "brushes": {
        **_909,
        "kick": _kick(62.0, 0.9, 0.14, 0.05, 0.0),
        "snare": Drum(
            Stroke(
                seconds=0.3, skin=0.12, skin_hz=220.0, skin_decay=0.05, wires=0.6, wires_low_hz=1500.0,
                wires_high_hz=9000.0, wires_decay=0.07, wires_attack=0.012,
            ),
            0.5, -0.1,
        ),
        "ride": Drum(_cymbal(0.42, 4800.0, 620.0, 0.12), 0.2, -0.28),
        "hat": Drum(_hat(0.03, 6500.0, 520.0), 0.14, 0.25),
        "pedal": Drum(_hat(0.022, 5500.0, 500.0), 0.22, 0.28),
        "rim": replace(_RIM, level=0.4, place=0.1),
    },
    "taiko": {
        **_909,
        "kick": Drum(
            Stroke(
                seconds=1.4, skin=1.0, skin_hz=52.0, sweep_octaves=0.9, sweep_seconds=0.05, skin_decay=0.36,
                overtone=0.35,
                overtone_ratio=1.59, wires=0.35, wires_low_hz=120.0, wires_high_hz=2600.0,
                wires_decay=0.035, drive=0.3,
            ),
            1.0,
        ),
        "tom": Drum(_tom(98.0, 0.26), 0.6, 0.35),
        "tomlow": Drum(_tom(70.0, 0.32), 0.8, -0.3),
        "snare": _snare(160.0, 0.6, 0.12),
        "crash": Drum(_cymbal(1.3, 2600.0, 330.0), 0.4, 0.0),
        "shaker": replace(_SHAKER, level=0.3),
    },
    "pop": {
        **_909,
        "kick": _kick(52.0, 2.0, 0.14, 0.25, 0.4),
        "snare": _snare(200.0, 0.75, 0.09, 0.08, 0.25),
        "hat": Drum(_hat(0.028, 7800.0), 0.27, 0.2),
    },
}  # fmt: skip
