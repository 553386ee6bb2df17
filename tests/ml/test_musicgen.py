"""MusicGen, loaded and drawn from by the real code: length, loudness, seeds, words, melodies, progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.ml import REASON

pytest.importorskip("torch", reason=REASON)

from render.audio.decode import Channels
from render.audio.loudness import Meter
from render.errors import ModelUnusable, NoMelody
from render.ml import finishing, loading, musicgen
from render.ml.chroma import ChromaShape, chroma
from render.ml.models import MUSICGEN, choice
from render.music.made import AUDIO, PREVIEW, Made, place
from tests.support.stem_files import decoded, wav_of

PIECE = {"prompt": "Calm jazz piano", "duration": 5.0, "seed": 7}


def made(model: Path, folder: Path, *, text: str = "calm jazz piano", **changed: Any) -> Made:
    folder.mkdir(exist_ok=True)
    request = {**PIECE, "parameters": {"text": text}, **changed}
    return musicgen.make(choice(MUSICGEN, str(model)), request, str(folder))


def audio(folder: Path) -> bytes:
    return place(folder, AUDIO).read_bytes()


def test_words_become_a_mastered_piece(text_model: Path, tmp_path: Path) -> None:
    found = made(text_model, tmp_path / "a")
    assert (found.provider, found.facts["model"]) == ("musicgen", "tiny-musicgen")
    assert found.roles == (AUDIO, PREVIEW)
    assert (found.duration, found.sample_rate, found.channels) == (5.0, 44_100, 2)
    sound = decoded(audio(tmp_path / "a"))
    assert sound.shape == (5 * 44_100, 2)
    meter = Meter()
    meter.take(Channels(np.ascontiguousarray(sound.T, np.float32), ("FL", "FR"), 44_100))
    loudness, peak = meter.lufs(), meter.peak_dbtp()
    assert loudness == pytest.approx(-14.0, abs=0.2) and found.lufs == pytest.approx(loudness, abs=0.1)
    assert peak is not None and peak < -1.0
    assert np.abs(sound.mean(axis=0)).max() < 1e-3
    assert place(tmp_path / "a", PREVIEW).stat().st_size > 10_000


def test_a_seed_is_a_piece_and_another_seed_another(text_model: Path, tmp_path: Path) -> None:
    made(text_model, tmp_path / "a")
    made(text_model, tmp_path / "other", seed=-(2**63))
    loading._kept.clear()  # as a new process has it
    made(text_model, tmp_path / "again")
    assert audio(tmp_path / "a") == audio(tmp_path / "again") != audio(tmp_path / "other")


def test_other_words_are_another_piece(text_model: Path, tmp_path: Path) -> None:
    made(text_model, tmp_path / "a")
    made(text_model, tmp_path / "b", text="dark techno drums")
    made(text_model, tmp_path / "long", text="dark techno drums " * 400)
    assert len({audio(tmp_path / name) for name in ("a", "b", "long")}) == 3


def test_the_longest_piece_has_sound_to_its_end(text_model: Path, tmp_path: Path) -> None:
    assert made(text_model, tmp_path / "a", duration=30.0).duration == 30.0
    quarters = decoded(audio(tmp_path / "a")).reshape(4, -1)
    assert quarters.std(axis=1).min() > 0.5 * quarters.std()


def test_every_second_of_the_drawing_is_told(text_model: Path, tmp_path: Path) -> None:
    told: list[tuple[float, str | None]] = []
    request = {**PIECE, "parameters": {"text": "jazz"}}
    loading._kept.clear()
    musicgen.make(
        choice(MUSICGEN, str(text_model)), request, str(tmp_path), lambda *report: told.append(report)
    )
    parts = [percent for percent, _ in told]
    assert parts == sorted(parts) and (parts[0], parts[-1]) == (0.0, 100.0)
    assert told[0][1] == "loading tiny-musicgen"
    assert {f"{second} of 5 s drawn" for second in range(1, 6)} <= {sentence for _, sentence in told}


def test_a_melody_is_followed(melody_model: Path, tmp_path: Path) -> None:
    model = choice(MUSICGEN, str(melody_model))
    request = {**PIECE, "parameters": {"text": "jazz"}}
    sounds = []
    for number, notes in enumerate(([64, 67, 60], [62, 66, 69], None)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if notes is None:
            musicgen.make(model, request, str(folder))
        else:
            hummed = tmp_path / "hum.wav"
            hummed.write_bytes(wav_of(hum(notes), 22_050))
            found = musicgen.follow(model, request, str(hummed), str(folder))
            assert (found.duration, found.facts["model"]) == (5.0, "tiny-melody")
        sounds.append(audio(folder))
    assert len(set(sounds)) == 3


def test_a_model_for_words_follows_no_melody(text_model: Path, tmp_path: Path) -> None:
    hummed = tmp_path / "hum.wav"
    hummed.write_bytes(wav_of(hum([60, 64]), 22_050))
    request = {**PIECE, "parameters": {"text": "jazz"}}
    with pytest.raises(ModelUnusable, match="tiny-musicgen follows no melody"):
        musicgen.follow(choice(MUSICGEN, str(text_model)), request, str(hummed), str(tmp_path))


def test_a_recording_without_a_melody_is_followed_by_nothing(melody_model: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silence.wav"
    silent.write_bytes(wav_of(np.zeros((44_100, 1)), 22_050))
    request = {**PIECE, "parameters": {"text": "jazz"}}
    with pytest.raises(NoMelody):
        musicgen.follow(choice(MUSICGEN, str(melody_model)), request, str(silent), str(tmp_path))


def test_the_chroma_of_a_hum_are_its_notes() -> None:
    shape = ChromaShape()
    notes = [60, 64, 67, 69]
    found = chroma(hum(notes, shape.rate_hz)[:, 0].astype(np.float32), shape)
    assert found.shape == (1 + 4 * shape.rate_hz // shape.hop, 12)
    assert (found.sum(axis=1) == 1).all()
    middles = [round((second + 0.5) * shape.rate_hz / shape.hop) for second in range(4)]
    assert [int(found[place].argmax()) for place in middles] == [note % 12 for note in notes]
    assert chroma(np.zeros(10, np.float32), shape)[:, 0].all()  # too short for a window, and silent


def test_what_is_no_sound_is_refused_and_what_is_short_is_filled() -> None:
    for nothing in (np.zeros((9, 1), np.float32), np.full((9, 2), np.nan, np.float32)):
        with pytest.raises(ModelUnusable):
            finishing.mastered(nothing, 32_000, 1.0)
    noise = np.random.default_rng(1).standard_normal((16_000, 2)).astype(np.float32)
    mix = finishing.mastered(noise, 32_000, 1.0)
    assert mix.shape == (44_100, 2) and np.abs(mix[30_000:]).max() < 1e-3 < mix[:20_000].std()


def hum(notes: list[int], rate_hz: int = 22_050) -> NDArray[np.float64]:
    """A second of a tone with overtones for each MIDI note, (samples, 1)."""
    time = np.arange(rate_hz) / rate_hz
    tones = []
    for note in notes:
        turn = 2 * np.pi * 440.0 * 2 ** ((note - 69) / 12) * time
        tones.append(0.4 * np.sin(turn) + 0.2 * np.sin(2 * turn) + 0.1 * np.sin(4 * turn))
    return np.concatenate(tones)[:, None]
