"""MusicGen in a child process: words, and a melody where there is one, become a mastered FLAC file.

Copet et al., Simple and Controllable Music Generation, 2023. A transformer draws 50 frames of EnCodec tokens a
second, which EnCodec turns into sound. The draw is by a seed, so on one machine the same request is the same
bytes; another processor rounds otherwise and may draw another piece.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoTokenizer,
    MusicgenForConditionalGeneration,
    MusicgenMelodyForConditionalGeneration,
)
from transformers.utils import logging as library_log

from render.audio.decode import mono_blocks
from render.errors import ModelUnusable
from render.ml.chroma import ChromaShape, chroma
from render.ml.facts import Generated, Wanted
from render.ml.finishing import finished
from render.ml.loading import Report, loaded
from render.ml.models import ModelChoice

GUIDANCE = 3.0
TOP_K = 250  # both as the model's authors draw
MOST_WORDS = 512  # tokens that T5 was trained with
_MELODY_KIND = "musicgen_melody"
_KINDS = {"musicgen": MusicgenForConditionalGeneration, _MELODY_KIND: MusicgenMelodyForConditionalGeneration}
_DRAWN = 90.0  # per cent of the work; the rest is decoding and mastering


@dataclass(frozen=True)
class MusicGen:
    """A model, its tokenizer, and what its configuration says."""

    model: Any
    tokenizer: Any
    kind: str
    rate_hz: int
    frames_a_second: int
    codebooks: int
    chroma: ChromaShape

    @classmethod
    def of(cls, folder: Path) -> MusicGen:
        """Raises OSError, ValueError and what a broken model makes transformers raise."""
        library_log.set_verbosity_error()
        library_log.disable_progress_bar()
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if config.model_type not in _KINDS:
            raise ValueError(f"a model of the kind {config.model_type}")
        model, told = _KINDS[config.model_type].from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        if missing := set(told["missing_keys"]) & {name for name, _ in model.named_parameters()}:
            raise ValueError(f"no weights for {len(missing)} parameters: they would be random")
        return cls(
            model=model.eval(),
            tokenizer=AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False),
            kind=config.model_type,
            rate_hz=config.audio_encoder.sampling_rate,
            frames_a_second=config.audio_encoder.frame_rate,
            codebooks=config.decoder.num_codebooks,
            chroma=_chroma_shape(folder, config.audio_encoder.sampling_rate),
        )


def generate(
    choice: ModelChoice, wanted: Wanted, out: str, report: Report = lambda percent, message: None
) -> Generated:
    """Make the piece of `wanted.text` at `out`: FLAC, stereo, 44.1 kHz, -14 LUFS, below -1 dBTP.

    `report` hears (per cent, sentence). Raises ModelAway, ModelUnusable, StorageFull; then no file is left.
    """
    return _made(loaded(choice, MusicGen.of, report), wanted, None, out, report)


def follow(
    choice: ModelChoice,
    wanted: Wanted,
    melody: str,
    out: str,
    report: Report = lambda percent, message: None,
) -> Generated:
    """The same with the melody of the recording at `melody`, which the chroma of its first 30 s stand for.

    The model has to be one for melodies. Raises also what reading media raises.
    """
    musicgen = loaded(choice, MusicGen.of, report)
    if musicgen.kind != _MELODY_KIND:
        raise ModelUnusable(f"The model {choice.name} follows no melody; name a musicgen-melody model.")
    shape = musicgen.chroma
    longest = round(min(wanted.duration, shape.longest_seconds) * shape.rate_hz)
    heard = chroma(_beginning(melody, shape.rate_hz, longest), shape)
    return _made(musicgen, wanted, torch.from_numpy(heard)[None], out, report)


def _made(musicgen: MusicGen, wanted: Wanted, heard: Any, out: str, report: Report) -> Generated:
    began = time.monotonic()
    sound = _drawn(musicgen, wanted, heard, report)
    report(_DRAWN, "mastering")
    facts = finished(sound, musicgen.rate_hz, wanted.duration, Path(out), time.monotonic() - began)
    report(100.0, None)
    return facts


@torch.inference_mode()
def _drawn(musicgen: MusicGen, wanted: Wanted, heard: Any, report: Report) -> NDArray[np.float32]:
    """(samples, channels) at the model's rate, `wanted.duration` long or a little more."""
    words = musicgen.tokenizer(
        [wanted.text], return_tensors="pt", truncation=True, max_length=MOST_WORDS
    )
    # Each codebook lags a frame behind the one before it, so the last frames are of the first ones alone.
    frames = ceil(wanted.duration * musicgen.frames_a_second) + musicgen.codebooks
    torch.manual_seed(wanted.seed)
    values = musicgen.model.generate(
        input_ids=words.input_ids,
        attention_mask=words.attention_mask,
        **({} if heard is None else {"input_features": heard}),
        do_sample=True,
        top_k=TOP_K,
        guidance_scale=GUIDANCE,
        max_new_tokens=frames,
        stopping_criteria=[_Told(frames, musicgen.frames_a_second, report)],
    )
    sound: NDArray[np.float32] = values[0].float().cpu().numpy().T
    return np.ascontiguousarray(sound)


class _Told:
    """Asked after each frame whether to stop: never, but the frame is told."""

    def __init__(self, frames: int, frames_a_second: int, report: Report) -> None:
        self._frames, self._frames_a_second, self._report = frames, frames_a_second, report

    def __call__(self, tokens: Any, scores: Any, **_: Any) -> Any:
        done = min(self._frames, tokens.shape[-1])
        second, whole = done / self._frames_a_second, self._frames / self._frames_a_second
        self._report(_DRAWN * done / self._frames, f"{second:.0f} of {whole:.0f} s drawn")
        return torch.zeros(tokens.shape[0], dtype=torch.bool)


def _beginning(path: str, rate_hz: int, samples: int) -> NDArray[np.float32]:
    """At most so many samples of the recording, mono."""
    blocks, count = [], 0
    for block in mono_blocks(path, rate_hz):
        blocks.append(block)
        count += len(block)
        if count >= samples:
            break
    return np.concatenate(blocks)[:samples]


def _chroma_shape(folder: Path, rate_hz: int) -> ChromaShape:
    """What the model's own preprocessor says, where it has one for melodies."""
    path = folder / "preprocessor_config.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return ChromaShape(
        rate_hz=int(told.get("sampling_rate", rate_hz)),
        window=int(told.get("n_fft", ChromaShape.window)),
        hop=int(told.get("hop_length", ChromaShape.hop)),
        classes=int(told.get("num_chroma", told.get("n_chroma", ChromaShape.classes))),
        longest_seconds=float(told.get("chunk_length", None) or ChromaShape.longest_seconds),
    )
