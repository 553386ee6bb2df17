"""How right tempo, beats and keys are, beside plain librosa calls, on music by others.

The recordings are made from public-domain scores (`bench.score_pieces`) by a General MIDI soundfont
(`bench.played`), each without drums and with a plain beat. Every other piece of each group is unseen: the
weights of the tempo were fitted on the rest.

    python -m bench.hearing --seconds 40
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bench import librosa_peer, score_pieces
from bench.analysis import Scores
from bench.labelled import Labelled, wav_of
from bench.played import RATE, played
from bench.report import Row, options, publish, table
from render.audio.analysis import analyse

EXTRAS = ("music21", "pretty_midi", "tinysoundfont")
SEED = 7
SIDES = ("Starling", "librosa")


@dataclass(frozen=True)
class Recording:
    track: Labelled
    group: str
    drums: bool
    is_unseen: bool


def recordings(seconds: float) -> Iterator[Recording]:
    """Two of each piece, at a tempo that it is played at."""
    random = np.random.default_rng(SEED)
    for group, scores in score_pieces.SCORES.items():
        for place, score in enumerate(scores):
            piece = score_pieces.read(score.name, score.key)
            bpm = float(random.uniform(score.slowest, score.fastest))
            for drums in (False, True):
                seed = int(random.integers(1 << 31))
                heard = played(piece, score.programs, bpm, seconds, drums=drums, seed=seed)
                track = Labelled(group, heard.sound.astype(np.float64), heard.bpm, heard.beats, piece.key)
                yield Recording(track, group, drums, place % 2 == 1)


def scored(folder: Path, seconds: float) -> tuple[dict[str, dict[str, Scores]], dict[str, int]]:
    """By set and by side; and how many recordings a set has."""
    found: dict[str, dict[str, Scores]] = {}
    counts: dict[str, int] = {}
    path = folder / "recording.wav"
    for one in recordings(seconds):
        path.write_bytes(wav_of(one.track.sound, RATE))
        mine, other = analyse(str(path)), librosa_peer.heard(path)
        with_drums = "with drums" if one.drums else "without drums"
        for name in (
            "all",
            "unseen" if one.is_unseen else "fitted on",
            *((f"unseen, {with_drums}",) if one.is_unseen else ()),
            f"{one.group}, {with_drums}",
        ):
            sides = found.setdefault(name, {side: Scores() for side in SIDES})
            sides["Starling"].add(mine.bpm, np.array(mine.beats), mine.key, one.track)
            sides["librosa"].add(other.bpm, other.beats, other.key, one.track)
            counts[name] = counts.get(name, 0) + 1
    return found, counts


def rows(found: dict[str, dict[str, Scores]], counts: dict[str, int], names: list[str]) -> list[Row]:
    return [
        [
            name if side == "Starling" else "",
            counts[name] if side == "Starling" else "",
            *sides[side].row(side),
        ]
        for name in names
        for sides in (found[name],)
        for side in SIDES
    ]


def main() -> None:
    chosen = options(__doc__, seconds=40)
    missing = [name for name in EXTRAS if find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} is not here: see bench/requirements-scores.txt")
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        found, counts = scored(Path(name), float(chosen.seconds))
    first = ["unseen", "unseen, without drums", "unseen, with drums", "fitted on", "all"]
    groups = sorted(set(found) - set(first))
    header = [
        "",
        "tracks",
        "",
        "accuracy 1",
        "accuracy 2",
        "tempo within 0.5 %",
        "beats, F-measure",
        "key, weighted",
    ]
    pieces = sum(len(group) for group in score_pieces.SCORES.values())
    publish(
        "hearing",
        "Hearing music by others, beside librosa",
        f"python -m bench.hearing --seconds {chosen.seconds}",
        f"The beginnings of {pieces} public-domain pieces (Bach chorales, Haydn, Mozart, Schumann, Joplin,"
        " dances), played by a General MIDI soundfont, without drums and with; notes lie some 8 ms off, the"
        " tempo drifts by 1.5 %. Every other piece is unseen: the weights of the tempo were fitted on the"
        " rest. Scores as in the table before; keys are those of the whole piece.",
        table(header, rows(found, counts, first)),
        "By kind:",
        table(header, rows(found, counts, groups)),
        packages=("librosa", "numba", "numpy", "scipy", "av", *EXTRAS),
    )


if __name__ == "__main__":
    main()
