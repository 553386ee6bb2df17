"""The score as a Standard MIDI File, format 1 (MIDI Manufacturers Association, RP-001, 1996).

A conductor track has tempo, meter and key; each part has a track and a channel, the drums channel 10 with the
notes of General MIDI's percussion map. Times are those that are heard, swing and all, in ticks of 1/960 of a
beat.
"""

from __future__ import annotations

import struct

from render.music import keys
from render.music.composing.score import Clock, Hit, Note, Score
from render.music.instruments import INSTRUMENTS
from render.music.parameters import MusicParameters

TICKS_A_QUARTER = 960
DRUM_CHANNEL = 9  # the tenth, counted from nought
PERCUSSION = {
    "kick": 36, "snare": 38, "clap": 39, "rim": 37, "hat": 42, "pedal": 44, "open": 46, "tomlow": 45,
        "tom": 48,
    "crash": 49, "ride": 51, "shaker": 70,
}  # fmt: skip
_CHANNELS = {"bass": 0, "chords": 1, "colour": 2, "melody": 3}
_HIT_BEATS = 0.1
_SHARPS = {
    "major": (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5),
    "minor": (-3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2),
}

Event = tuple[int, int, bytes]  # tick, order within the tick, message


def written(score: Score, parameters: MusicParameters) -> bytes:
    """The bytes of the file; parts that are left out have no track."""
    tracks = [_conductor(score.clock, parameters)]
    ticks = _ticks_a_beat(score.clock)
    for part, channel in _CHANNELS.items():
        voice = getattr(parameters, part)
        if voice is not None:
            events = _notes(getattr(score, part), channel, ticks)
            program = bytes((0xC0 | channel, INSTRUMENTS[voice].program))
            tracks.append(_track(part, [(0, 0, program), *events]))
    if parameters.drums is not None:
        tracks.append(_track("drums", _hits(score.drums, ticks)))
    head = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), TICKS_A_QUARTER)
    return head + b"".join(tracks)


def _ticks_a_beat(clock: Clock) -> float:
    """A beat is a quarter, in 6/8 a dotted one."""
    return TICKS_A_QUARTER * clock.steps_a_beat / 4.0


def _conductor(clock: Clock, parameters: MusicParameters) -> bytes:
    quarter = round(clock.beat_seconds * 1e6 * 4.0 / clock.steps_a_beat)
    above, below = (int(part) for part in clock.meter.split("/"))
    meter = bytes((above, below.bit_length() - 1, 24 * clock.steps_a_beat // 4, 8))
    events = [(0, 0, _meta(0x51, quarter.to_bytes(3, "big"))), (0, 0, _meta(0x58, meter))]
    key = keys.parse(parameters.key)
    if key is not None:
        family = "minor" if key.is_minor else "major"
        sharps = _SHARPS[family][key.tonic]
        events.append((0, 0, _meta(0x59, struct.pack("bB", sharps, key.is_minor))))
    return _track(f"Starling: {parameters.genre}", events)


def _notes(notes: list[Note], channel: int, ticks: float) -> list[Event]:
    return _sounding([(one.start, one.length, one.pitch, one.velocity) for one in notes], channel, ticks)


def _hits(hits: list[Hit], ticks: float) -> list[Event]:
    return _sounding(
        [(one.start, _HIT_BEATS, PERCUSSION[one.lane], one.velocity) for one in hits], DRUM_CHANNEL, ticks
    )


def _sounding(played: list[tuple[float, float, int, float]], channel: int, ticks: float) -> list[Event]:
    """Note on and off; a note ends before the same pitch begins again, so that no "off" cuts the next one."""
    events: list[Event] = []
    upcoming: dict[int, int] = {}
    for start, length, pitch, velocity in sorted(played, reverse=True):
        at = round(start * ticks)
        end = max(at + 1, min(round((start + length) * ticks), upcoming.get(pitch, 1 << 28)))
        if upcoming.get(pitch) == at:
            continue
        upcoming[pitch] = at
        strength = max(1, min(127, round(127 * velocity)))
        events.append((at, 1, bytes((0x90 | channel, pitch, strength))))
        events.append((end, 0, bytes((0x80 | channel, pitch, 0))))
    return events


def _track(name: str, events: list[Event]) -> bytes:
    text = name.encode("ascii")
    body = b"\x00" + _meta(0x03, text)
    now = 0
    for tick, _, message in sorted(events):
        body += _variable(tick - now) + message
        now = tick
    body += b"\x00" + _meta(0x2F, b"")
    return struct.pack(">4sI", b"MTrk", len(body)) + body


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(content)) + content


def _variable(value: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last have the top bit set."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | (value & 0x7F))
    return bytes(reversed(parts))
