"""The MIDI file read back by a reader of our own, written from the standard, not from the writer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from render.music import midi
from render.music.catalogue import GENRES
from render.music.composing.score import Note, Score
from render.music.composing.whole import score_of
from render.music.instruments import INSTRUMENTS
from render.music.parameters import MusicParameters
from render.music.prompt import resolve


@dataclass
class Track:
    name: str = ""
    tempo: float | None = None
    meter: tuple[int, int] | None = None
    key: tuple[int, int] | None = None
    programs: set[tuple[int, int]] = field(default_factory=set)
    notes: list[tuple[int, int, int, int, int]] = field(
        default_factory=list
    )  # tick, length, channel, pitch, strength


def variable(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        kind, size = data[at : at + 4], struct.unpack(">I", data[at + 4 : at + 8])[0]
        assert at + 8 + size <= len(data)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size


def read_track(data: bytes) -> Track:
    track, at, now = Track(), 0, 0
    open_notes: dict[tuple[int, int], tuple[int, int]] = {}
    ended = False
    while at < len(data):
        assert not ended, "events after the end of the track"
        step, at = variable(data, at)
        now += step
        status = data[at]
        if status == 0xFF:
            kind = data[at + 1]
            size, at = variable(data, at + 2)
            content, at = data[at : at + size], at + size
            ended = kind == 0x2F
            if kind == 0x03:
                track.name = content.decode()
            elif kind == 0x51:
                track.tempo = 60e6 / int.from_bytes(content, "big")
            elif kind == 0x58:
                track.meter = (content[0], 2 ** content[1])
            elif kind == 0x59:
                track.key = struct.unpack("bB", content)
        elif status & 0xF0 == 0xC0:
            track.programs.add((status & 0x0F, data[at + 1]))
            at += 2
        else:
            assert status & 0xF0 in (0x80, 0x90)
            place = (status & 0x0F, data[at + 1])
            if status & 0xF0 == 0x90 and data[at + 2]:
                assert place not in open_notes, "a note begins while it sounds"
                open_notes[place] = (now, data[at + 2])
            else:
                start, strength = open_notes.pop(place)
                track.notes.append((start, now - start, *place, strength))
            at += 3
    assert ended and not open_notes
    return track


def read(data: bytes) -> tuple[int, list[Track]]:
    (head, body), *rest = chunks(data)
    kind, count, division = struct.unpack(">HHH", body)
    assert (head, kind, count) == (b"MThd", 1, len(rest))
    assert all(name == b"MTrk" for name, _ in rest)
    return division, [read_track(body) for _, body in rest]


def made(prompt: str, duration: float = 20.0) -> tuple[MusicParameters, Score, int, list[Track]]:
    parameters = resolve(prompt, seed=4, duration=duration)
    score = score_of(parameters)
    return parameters, score, *read(midi.written(score, parameters))


@pytest.mark.parametrize("genre", GENRES)
def test_every_note_is_read_back_where_it_was_written(genre: str) -> None:
    parameters, score, division, tracks = made(genre)
    assert tracks[0].tempo == pytest.approx(parameters.bpm, rel=1e-4)
    by_name = {track.name: track for track in tracks}
    for part in ("bass", "melody", "chords"):
        voice = getattr(parameters, part)
        track = by_name[part]
        assert {program for _, program in track.programs} == {INSTRUMENTS[voice].program}
        wanted = {(round(note.start * division), note.pitch) for note in getattr(score, part)}
        assert {(start, pitch) for start, _, _, pitch, _ in track.notes} == wanted
    drums = by_name["drums"]
    assert {channel for _, _, channel, _, _ in drums.notes} == {9}
    wanted = {(round(hit.start * division), midi.PERCUSSION[hit.lane]) for hit in score.drums}
    assert {(start, pitch) for start, _, _, pitch, _ in drums.notes} == wanted


def test_melodic_parts_have_channels_of_their_own_beside_the_tenth() -> None:
    _, _, _, tracks = made("house")
    channels = [{channel for _, _, channel, _, _ in track.notes} for track in tracks if track.notes]
    assert all(len(one) == 1 for one in channels)
    assert len(set.union(*channels)) == len(channels)


@pytest.mark.parametrize(
    ("words", "meter", "quarters"), [("4/4", (4, 4), 90.0), ("3/4", (3, 4), 90.0), ("6/8", (6, 8), 135.0)]
)
def test_meter_and_tempo(words: str, meter: tuple[int, int], quarters: float) -> None:
    """In 6/8 the beat is a dotted quarter, and a MIDI tempo counts quarters."""
    parameters, score, division, tracks = made(f"pop in {words}, 90 bpm")
    assert tracks[0].meter == meter
    assert tracks[0].tempo == pytest.approx(quarters, rel=1e-4)
    last = max(start for track in tracks for start, *_ in track.notes)
    seconds = last / division * 60.0 / quarters
    assert seconds == pytest.approx(score.clock.seconds(score.clock.beat(score.bars)), abs=0.05)
    assert parameters.meter == words


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        ("C major", (0, 0)),
        ("A minor", (0, 1)),
        ("F# minor", (3, 1)),
        ("Eb major", (-3, 0)),
        ("D major", (2, 0)),
        ("Bb minor", (-5, 1)),
    ],
)
def test_key_signatures(key: str, signature: tuple[int, int]) -> None:
    assert made(f"pop in {key}")[3][0].key == signature


def test_a_part_that_is_left_out_has_no_track() -> None:
    names = [track.name for track in made("trap, no drums, no melody")[3]]
    assert "drums" not in names and "melody" not in names and "bass" in names


def test_a_note_that_comes_again_while_it_sounds_ends_first() -> None:
    parameters = resolve("pop", seed=1)
    score = replace(score_of(parameters), melody=[Note(0.0, 2.0, 60, 0.5), Note(1.0, 1.0, 60, 0.5)])
    tracks = read(midi.written(score, parameters))[1]
    notes = next(track for track in tracks if track.name == "melody").notes
    assert [(start, length) for start, length, *_ in sorted(notes)] == [(0, 960), (960, 960)]


def test_the_same_score_is_the_same_bytes() -> None:
    parameters = resolve("jazz", seed=1)
    assert midi.written(score_of(parameters), parameters) == midi.written(score_of(parameters), parameters)
