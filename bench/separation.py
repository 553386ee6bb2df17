"""How near the stems come to the true ones, beside what is simple and what is ideal; how fast, how large.

The songs are made from published seeds (`bench.known_stems`); separation was tuned on seeds 1 to 18, the
measured ones begin at 101. The song of the last table is one of them, over and over.

    python -m bench.separation --songs 8 --seconds 20 --short 60 --long 600
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.groove.master import write_wave
from bench.known_stems import STEMS, KnownSong, known_song
from bench.known_tones import RATE_HZ
from bench.processes import OTHER_CORE, pinned
from bench.report import Row, options, publish, table
from bench.separation_peers import (
    Sound,
    hpss_and_low_pass,
    ideal_masks,
    low_pass,
    sdr_db,
    second_by_second_db,
)
from render.audio.separation.spectrum import Grid
from render.audio.separation.window import parted

ROOT = Path(__file__).resolve().parent.parent
FIRST_SEED = 101
Method = Callable[[KnownSong], dict[str, Sound]]
METHODS: dict[str, Method] = {
    "the mixture itself": lambda song: dict.fromkeys(STEMS, song.mix),
    "a low-pass at 150 Hz (bass only)": lambda song: {"bass": low_pass(song.mix)},
    "librosa HPSS + low-pass": lambda song: hpss_and_low_pass(song.mix),
    "Starling": lambda song: parted(song.mix, ("FL", "FR"), Grid(RATE_HZ)),
    "ideal ratio masks (an oracle)": lambda song: ideal_masks(song.mix, song.stems),
}
Measure = Callable[[Sound, Sound], float]


def qualities(songs: int, seconds: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """By measure, method and stem: dB of each song."""
    measures: dict[str, Measure] = {"whole": sdr_db, "seconds": second_by_second_db}
    found: dict[str, dict[str, dict[str, list[float]]]] = {
        kind: {name: {stem: [] for stem in STEMS} for name in METHODS} for kind in measures
    }
    for seed in range(FIRST_SEED, FIRST_SEED + songs):
        song = known_song(seed, float(seconds))
        for name, method in METHODS.items():
            for stem, sound in method(song).items():
                for kind, measure in measures.items():
                    found[kind][name][stem].append(measure(song.stems[stem], sound))
    return found


def rows(found: dict[str, dict[str, list[float]]], middle: Callable[[list[float]], float]) -> list[Row]:
    """One for each method, and what Starling gains over the mixture."""
    middles = {
        name: {stem: middle(values) if values else None for stem, values in by_stem.items()}
        for name, by_stem in found.items()
    }
    lines: list[Row] = [[name, *(_decibels(middles[name][stem]) for stem in STEMS)] for name in METHODS]
    mixture, ours = middles["the mixture itself"], middles["Starling"]
    gains = [(ours[stem] or 0.0) - (mixture[stem] or 0.0) for stem in STEMS]
    return [*lines, ["improvement over the mixture (SDRi)", *(f"**{gain:+.1f}**" for gain in gains)]]


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def separated(song: Path, folder: Path) -> dict[str, float]:
    """In a process of its own, on one core."""
    command = [sys.executable, "-m", "bench.separated", str(song), str(folder)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, env=one_thread, preexec_fn=pinned(OTHER_CORE)
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def costs(lengths: tuple[int, ...]) -> list[Row]:
    lines: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        folder = Path(name)
        mix = known_song(FIRST_SEED, 30.0).mix
        for seconds in lengths:
            song = folder / "song.wav"
            write_wave(song, np.tile(mix, (-(-seconds // 30), 1))[: seconds * RATE_HZ])
            told = separated(song, folder)
            lines.append(
                [
                    f"{seconds} s",
                    f"{told['wall_seconds']:.1f}",
                    f"{told['duration'] / told['wall_seconds']:.1f}",
                    f"**{told['duration'] / told['processor_seconds']:.1f}**",
                    f"{told['peak_bytes'] / 1024**2:.0f} MB",
                ]
            )
    return lines


def main() -> None:
    chosen = options(__doc__, songs=8, seconds=20, short=60, long=600)
    found = qualities(chosen.songs, chosen.seconds)
    publish(
        "separation",
        "Stems beside the true ones",
        f"python -m bench.separation --songs {chosen.songs} --seconds {chosen.seconds}"
        f" --short {chosen.short} --long {chosen.long}",
        f"{chosen.songs} synthetic songs of {chosen.seconds} s, seeds {FIRST_SEED} to"
        f" {FIRST_SEED + chosen.songs - 1}; such songs are cleaner than recorded ones. SDR in dB of the whole"
        " song, mean:",
        table(["method", *STEMS], rows(found["whole"], lambda values: float(np.mean(values)))),
        "The median of the songs' medians over seconds:",
        table(["method", *STEMS], rows(found["seconds"], lambda values: float(np.median(values)))),
        "Files in and out, stereo at 44.1 kHz, one core:",
        table(
            ["song", "seconds", "times real time, wall", "times real time, processor", "peak memory"],
            costs((chosen.short, chosen.long)),
        ),
        packages=("numba", "numpy", "scipy", "librosa"),
    )


if __name__ == "__main__":
    main()
