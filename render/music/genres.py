"""What a genre is: its profile, and the list of them. Light.

Patterns are strings of sixteenths, one character each: X loud, x usual, o soft, - a ghost, . a rest; two bars
are written as 32. Progressions are degrees of the scale, "5M" with a major third; levels are LUFS below the
mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Ways = tuple[str, ...]


@dataclass(frozen=True)
class Groove:
    """Lane of the kit -> pattern: the whole of it, and the light form of intro, break and outro."""

    full: Mapping[str, str]
    light: Mapping[str, str]


@dataclass(frozen=True)
class Levels:
    drums: float = -7.0
    bass: float = -8.0
    chords: float = -9.0
    colour: float = -13.5
    melody: float = -8.0


@dataclass(frozen=True)
class Space:
    """Reverb time and sends, echo in beats, and how deep the kick ducks the others (0..1)."""

    reverb_seconds: float = 1.8
    reverb: float = 0.2
    echo_beats: float = 0.75
    echo: float = 0.15
    pump: float = 0.0
    drums_reverb: float = 0.05


@dataclass(frozen=True)
class Genre:
    name: str
    bpm: tuple[float, float, float]  # slowest, usual, fastest
    kit: str
    groove: Groove
    bass: str
    bass_pattern: str  # a pattern, or the name of a way of bass.WAYS
    chords: str
    chord_pattern: str  # a pattern, or "pad"
    melody: str
    rhythms: Ways  # of the melody's motifs, a bar each
    minor_ways: Ways
    major_ways: Ways
    colour: str | None = None
    colour_pattern: str = "pad"  # or "arp8", "arp16", or a pattern
    minor: float = 0.7  # how often minor
    depth: int = 3  # tones of a chord
    bars_per_chord: float = 1.0
    swing: float = 0.5
    swing_steps: int = 1  # 1 swings sixteenths, 2 eighths
    energy: float = 0.6
    rise: bool = False  # builds with a riser and a roll
    pentatonic: bool = False
    bass_octave: int = 28  # the lowest root, as a MIDI pitch
    melody_middle: int = 74
    humanised: float = 0.3  # 0 a machine..1 loose hands
    worn: float = 0.0  # tape and record
    wind: float = 0.0  # a bed of noise
    levels: Levels = field(default_factory=Levels)
    space: Space = field(default_factory=Space)


HOUSE = Genre(
    name="house",
    bpm=(118, 124, 130),
    kit="909",
    groove=Groove(
        full={
            "kick": "X...X...X...X...",
            "clap": "....X.......X...",
            "hat": "-.-x-.-x-.-x-.-x",
            "open": "..X...X...X...X.",
            "shaker": "o-x-o-x-o-x-o-x-",
        },
        light={"kick": "X...X...X...X...", "hat": "..x...x...x...x."},
    ),
    bass="round",
    bass_pattern="..X..xX...X.x.X.",
    chords="stab",
    chord_pattern="..X..X....X..X..",
    colour="strings",
    melody="glass",
    rhythms=("x..x..x...x.x...", "..x..x..x..x....", "x.x...x..x..x..."),
    minor_ways=("1 1 4 5", "1 4 1 5", "1 7 1 4"),
    major_ways=("1 4 1 5", "1 5 4 1", "1 6 4 5"),
    depth=4,
    swing=0.54,
    energy=0.72,
    rise=True,
    humanised=0.1,
    space=Space(2.0, 0.22, 0.75, 0.2, 0.6),
)

TECHNO = Genre(
    name="techno",
    bpm=(126, 132, 145),
    kit="909hard",
    groove=Groove(
        full={
            "kick": "X...X...X...X...",
            "hat": "--o---o---o---o-",
            "open": "..X...X...X...X.",
            "rim": "...x..x....x..x...x...x....x.x..",
            "clap": "............x...",
        },
        light={"kick": "X...X...X...X...", "hat": "o-x-o-x-o-x-o-x-", "rim": "...-..-....-...."},
    ),
    bass="rumble",
    bass_pattern=".oxx.oxx.oxx.oxx",
    chords="dub",
    chord_pattern="...X..........X............X....",
    colour="acid",
    colour_pattern="x.xx.x.xx.x.xx.x",
    melody="blip",
    rhythms=("x..x..x.........", "...x......x.....", "x.....x...x....."),
    minor_ways=("1 1 1 1", "1 1 1 6", "1 1 2 1"),
    major_ways=("1 1 1 1", "1 1 4 1"),
    minor=1.0,
    bars_per_chord=2.0,
    energy=0.85,
    rise=True,
    pentatonic=True,
    humanised=0.05,
    levels=Levels(-5.5, -7.0, -12.5, -11.5, -14.0),
    space=Space(2.8, 0.3, 0.75, 0.35, 0.7, 0.08),
)

TRANCE = Genre(
    name="trance",
    bpm=(132, 138, 144),
    kit="909",
    groove=Groove(
        full={
            "kick": "X...X...X...X...",
            "clap": "....X.......X...",
            "hat": "x-o-x-o-x-o-x-o-",
            "open": "..X...X...X...X.",
        },
        light={"hat": "..x...x...x...x.", "kick": "X...X...X...X..."},
    ),
    bass="saw",
    bass_pattern=".xXx.xXx.xXx.xXx",
    chords="supersaw",
    chord_pattern="X..X..X.X..X..X.",
    colour="pluck",
    colour_pattern="arp16",
    melody="supersaw",
    rhythms=("x.....x.....x...", "x..x..x...x...x.", "x...x...x.x.x..."),
    minor_ways=("1 6 4 5M", "1 6 7 1", "1 7 6 5M"),
    major_ways=("1 5 6 4", "1 4 6 5"),
    minor=0.85,
    energy=0.85,
    rise=True,
    humanised=0.05,
    levels=Levels(-8.0, -9.0, -9.5, -11.0, -7.5),
    space=Space(2.6, 0.28, 0.75, 0.28, 0.65),
)

TRAP = Genre(
    name="trap",
    bpm=(130, 142, 160),
    kit="808",
    groove=Groove(
        full={
            "kick": "X.....x...X.....X..x......X...x.",
            "snare": "........X...............X.......",
            "clap": "........x...............x.......",
            "hat": "x-x-x-x-x-xxx-x-x-x-xoxox-x-xxxx",
            "open": "..............x.................",
        },
        light={"hat": "x.x.x.x.x.x.x.x.", "rim": "........x......."},
    ),
    bass="808",
    bass_pattern="kick",
    chords="dark pad",
    chord_pattern="pad",
    colour="keys bell",
    colour_pattern="x.....x.....x...",
    melody="bell",
    rhythms=("x..x..x...x..x..", "x.....x...x.x...", "x..x....x..x...."),
    minor_ways=("1 6 1 5M", "1 1 6 5M", "1 4 1 6"),
    major_ways=("1 6 4 5", "1 1 6 4"),
    minor=0.95,
    bars_per_chord=2.0,
    energy=0.65,
    humanised=0.1,
    bass_octave=26,
    levels=Levels(-8.5, -5.0, -13.5, -12.5, -9.0),
    space=Space(2.4, 0.28, 0.75, 0.22, 0.25),
)

LOFI = Genre(
    name="lo-fi hip hop",
    bpm=(70, 80, 92),
    kit="dusty",
    groove=Groove(
        full={
            "kick": "X......x..X.....X.....xx..X.....",
            "snare": "....X.......X..-",
            "hat": "x.-.x.--x.-.x.-.",
        },
        light={"kick": "X.........x.....", "hat": "x...o...x...o..."},
    ),
    bass="upright",
    bass_pattern="X......x..x...x.",
    chords="rhodes",
    chord_pattern="X......o..o.....",
    melody="muted keys",
    rhythms=("..x.x...x.......", "x...x..x........", "....x.x.x..x...."),
    minor_ways=("1 4 1 5M", "1 6 4 5M", "1 4 7 1"),
    major_ways=("1 6 2 5", "1 4 2 5", "1 3 4 5"),
    minor=0.55,
    depth=5,
    swing=0.59,
    energy=0.35,
    humanised=0.9,
    worn=1.0,
    melody_middle=70,
    levels=Levels(-8.0, -8.0, -7.0, -15.0, -10.5),
    space=Space(1.4, 0.16, 0.75, 0.14, 0.15),
)

BOOM_BAP = Genre(
    name="hip hop",
    bpm=(84, 92, 100),
    kit="breaks",
    groove=Groove(
        full={
            "kick": "X..x......X..x..X.x.......X.....",
            "snare": "....X..-.-..X...",
            "hat": "x.-.x.-.x.-.x.-.",
            "open": "..............o.",
        },
        light={"hat": "x.-.x.-.x.-.x.-.", "kick": "X.........X....."},
    ),
    bass="finger",
    bass_pattern="X..x......X..x..",
    chords="piano",
    chord_pattern="X.....x...x.....",
    melody="vibes",
    rhythms=("x.x..x....x.....", "..x..x..x.......", "x..x..x.x......."),
    minor_ways=("1 6 4 5M", "1 1 4 5M", "1 7 1 5M"),
    major_ways=("1 6 2 5", "1 4 1 5"),
    minor=0.85,
    depth=4,
    swing=0.57,
    energy=0.55,
    humanised=0.6,
    worn=0.25,
    pentatonic=True,
    levels=Levels(-6.0, -7.0, -9.5, -15.0, -11.0),
    space=Space(1.1, 0.12, 0.75, 0.12, 0.15),
)
