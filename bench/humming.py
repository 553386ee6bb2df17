"""Hearing a hummed tune, beside librosa.pyin: notes, pitch and speed, on tunes that are known.

python -m bench.humming --tunes 6 --pairs 3
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench import pitch_peer
from bench.hummed import TUNES, Hummed, Manner, hummed, note_f_measure
from bench.measure import compare
from bench.report import Row, options, publish, table
from render.audio.humming.hear import notes_of
from render.audio.humming.pitch import SAMPLE_RATE_HZ, followed
from render.errors import NoMelody

MANNERS: dict[str, Manner] = {
    "plainly": Manner(vibrato_cents=0.0, glide_seconds=0.0, breath_db=40.0),
    "80 cents of drift": Manner(cents=10.0, drift_cents=-80.0),
    "vibrato of 70 cents": Manner(vibrato_cents=70.0),
    "glides of 140 ms": Manner(glide_seconds=0.14),
    "breath at 20 dB": Manner(breath_db=20.0),
    "breath at 10 dB": Manner(breath_db=10.0),
    "a telephone, 8 kHz": Manner(rate_hz=8_000),
    "all at once": Manner(
        cents=10.0,
        drift_cents=-80.0,
        vibrato_cents=50.0,
        glide_seconds=0.1,
        breath_db=20.0,
        late_seconds=0.02,
        out_of_tune_cents=10.0,
        rate_hz=8_000,
    ),
}
TONICS = (43, 48, 53, 57, 62, 67)
WITHIN_SECONDS = 0.05
Sound = NDArray[np.float32]
Pitch = NDArray[np.float64]


def sung(number: int, manner: Manner) -> Hummed:
    """Another tune, voice and tempo for each number."""
    name = list(TUNES)[number % len(TUNES)]
    return hummed(
        name, TONICS[(2 * number + 1) % len(TONICS)], 84.0 + 13.0 * (number % 5), manner, seed=100 + number
    )


def samples(tune: Hummed) -> Sound:
    return np.asarray(resample_poly(tune.sound[:, 0], SAMPLE_RATE_HZ, tune.rate_hz), np.float32)


def right_share(found: Pitch, truth: Pitch) -> float:
    """Raw pitch accuracy: of the sung frames those within half a semitone (Poliner et al., 2007)."""
    count = min(len(found), len(truth))
    sounding = np.isfinite(truth[:count])
    return float(np.mean(np.abs(found[:count] - truth[:count])[sounding] < 0.5))


def notes_found(sound: Sound) -> tuple[Pitch, NDArray[np.int64]]:
    try:
        notes = notes_of(sound).notes
    except NoMelody:
        notes = ()
    return np.array([note.onset for note in notes]), np.array([note.pitch for note in notes], np.int64)


def main() -> None:
    chosen = options(__doc__, tunes=6, pairs=3)
    rows: list[Row] = []
    means: dict[int, list[float]] = defaultdict(list)
    for name, manner in MANNERS.items():
        scores = []
        for number in range(chosen.tunes):
            tune = sung(number, manner)
            sound = samples(tune)
            theirs = pitch_peer.followed(sound)
            scores.append(
                (
                    note_f_measure(*notes_found(sound), tune, WITHIN_SECONDS),
                    note_f_measure(*pitch_peer.notes(theirs), tune, WITHIN_SECONDS),
                    right_share(followed(sound).pitch, tune.pitch_at),
                    right_share(theirs, tune.pitch_at),
                )
            )
        found = np.mean(scores, axis=0)
        for column, value in enumerate(found):
            means[column].append(float(value))
        rows.append([name, *(f"{value:.3f}" for value in found)])
    rows.append(["**all**", *(f"**{np.mean(means[column]):.3f}**" for column in range(4))])
    sound = samples(sung(0, Manner()))
    seconds = len(sound) / SAMPLE_RATE_HZ
    took = compare(lambda: notes_of(sound), lambda: pitch_peer.followed(sound), chosen.pairs)
    publish(
        "humming",
        "Hearing a hummed tune, beside librosa.pyin",
        f"python -m bench.humming --tunes {chosen.tunes} --pairs {chosen.pairs}",
        f"{chosen.tunes} tunes that the bench sings itself in each manner, men and women. Notes: the"
        f" F-measure of onsets within {1000 * WITHIN_SECONDS:.0f} ms with the right pitch; pitch:"
        " the share of sung frames within half a semitone. librosa has no notes: its pitch is rounded,"
        " and what holds for 70 ms is one. The same sample rate, hop and range for both.",
        table(["hummed", "notes, Starling", "notes, pyin rounded", "pitch, Starling", "pitch, pyin"], rows),
        f"Notes of {seconds:.0f} s take Starling {took.ours.cpu:.2f} s of processor time"
        f" ({seconds / took.ours.wall:.0f} times real time), the pitch alone takes pyin"
        f" {took.theirs.cpu:.2f} s: **{1.0 / took.ratio.cpu:.0f} times** as much"
        f" (median of {chosen.pairs} pairs in turns).",
        packages=("numba", "numpy", "scipy", "librosa"),
    )


if __name__ == "__main__":
    main()
