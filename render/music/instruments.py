"""What a voice plays like on paper: its General MIDI program, how long a note may last, where it lies.
Light.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """`program` 0..127 of General MIDI; `longest` seconds that a note is held; `octaves` it is moved by."""

    program: int
    longest: float = 60.0
    octaves: int = 0
    voicing: str = "close"  # how it plays chords: close, wide, power, top


INSTRUMENTS: dict[str, Instrument] = {
    "round": Instrument(38),
    "saw": Instrument(38, 0.2),
    "rumble": Instrument(38, 0.12),
    "808": Instrument(38, 1.4),
    "upright": Instrument(32),
    "finger": Instrument(33),
    "picked": Instrument(34),
    "slap": Instrument(36, 0.4),
    "reese": Instrument(39),
    "deep": Instrument(39),
    "pulse bass": Instrument(38, 0.22),
    "dub bass": Instrument(33, 0.6),
    "low strings": Instrument(43),
    "stab": Instrument(4, 0.22),
    "dub": Instrument(90, 0.16),
    "supersaw": Instrument(81, 3.0),
    "pad": Instrument(89),
    "wide pad": Instrument(88, voicing="wide"),
    "dark pad": Instrument(91, voicing="wide"),
    "brass pad": Instrument(62, voicing="wide"),
    "strings": Instrument(48, voicing="wide"),
    "choir": Instrument(52, octaves=1),
    "rhodes": Instrument(4, 3.0),
    "piano": Instrument(0, 3.0),
    "organ": Instrument(16),
    "nylon": Instrument(24, 2.0),
    "power": Instrument(30, 0.5, voicing="power"),
    "wah guitar": Instrument(28, 0.14, voicing="top"),
    "skank": Instrument(28, 0.12, voicing="top"),
    "horns": Instrument(61, 0.3, voicing="top"),
    "spiccato": Instrument(48, 0.22),
    "acid": Instrument(87, 0.16, octaves=-1),
    "pluck": Instrument(80, 0.4),
    "harp": Instrument(46, 1.6),
    "keys bell": Instrument(14, 1.2),
    "glass": Instrument(98, 1.0),
    "blip": Instrument(80, 0.1),
    "bell": Instrument(14, 1.6),
    "far bell": Instrument(98, 3.0),
    "muted keys": Instrument(4, 0.8),
    "vibes": Instrument(11, 2.0),
    "marimba": Instrument(12, 0.8),
    "kalimba": Instrument(108, 1.0),
    "music box": Instrument(10, 1.4),
    "lead": Instrument(81),
    "clav": Instrument(7, 0.3),
    "lead guitar": Instrument(30),
    "sax": Instrument(66),
    "flute": Instrument(73),
    "trumpet": Instrument(56),
    "violin": Instrument(40),
    "melodica": Instrument(22),
    "horn": Instrument(60),
}
