"""A piece as files of a folder: the mix, a WAV file a stem, the MIDI file and the parameters."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np

from render.music import midi
from render.music.piece import STEMS, Piece
from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.desk import Bus

MIX, MIDI, PARAMETERS = "mix.wav", "piece.mid", "parameters.json"


def write(piece: Piece, folder: Path) -> None:
    """Write mix.wav, drums.wav, bass.wav, melody.wav, other.wav (16 bit, 44.1 kHz), piece.mid and
    parameters.json.

    The same piece is the same bytes; the stems' samples add up to those of the mix to three steps of 16 bits.
    Raises OSError.
    """
    write_wave(folder / MIX, piece.mix)
    for name in STEMS:
        write_wave(folder / f"{name}.wav", piece.stems[name])
    (folder / MIDI).write_bytes(midi.written(piece.score, piece.parameters))
    text = json.dumps(piece.parameters.as_json(), indent=2, ensure_ascii=False)
    (folder / PARAMETERS).write_text(text + "\n", encoding="utf-8")


def write_wave(path: Path, sound: Bus) -> None:
    """16 bit PCM, rounded without dither: a stem that is silent stays silent."""
    steps = np.clip(np.rint(sound * 32767.0), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(steps.tobytes())
