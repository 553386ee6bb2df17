"""MusicGen in a child process: words, and a melody where there is one, become a mastered piece.

Copet et al., Simple and Controllable Music Generation, 2023. A transformer draws 50 frames of EnCodec tokens
a second, which EnCodec turns into sound. The draw is by a seed, so on one machine the same request is the
same bytes; another processor rounds otherwise and may draw another piece.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isfinite, log10
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
from render.audio.humming.hear import hear
from render.errors import ModelUnusable
from render.ml.chroma import ChromaShape, chroma
from render.ml.finishing import mastered
from render.ml.loading import Report, loaded, told_of
from render.ml.models import MUSICGEN, ModelChoice
from render.music.made import AUDIO, PREVIEW, Made
from render.music.sound_files import write_sounds
from render.music.synth import master
from render.music.synth.clock import SAMPLE_RATE_HZ

GUIDANCE = 3.0
TOP_K = 250  # both as the model's authors draw
MOST_TOKENS = 512  # that T5, which hears the words, was trained with
_MELODY_KIND = "musicgen_melody"
_KINDS = {"musicgen": MusicgenForConditionalGeneration, _MELODY_KIND: MusicgenMelodyForConditionalGeneration}
_HEARD = 5.0  # per cent of the work with a melody
_DRAWN = 90.0  # the rest is decoding and mastering


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
        if missing := [name for name in told["missing_keys"] if _is_learnt(name, model)]:
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


def warm() -> None:
    """Torch comes with this module; what masters is compiled here. The model comes with the first job."""
    clicks = np.zeros((SAMPLE_RATE_HZ, 1), np.float32)
    clicks[::1000] = 0.5
    mastered(clicks, SAMPLE_RATE_HZ, 1.0)


def make(
    choice: ModelChoice,
    request: Mapping[str, Any],
    folder: str,
    report: Report = lambda percent, message: None,
) -> Made:
    """A maker (`render.music.made`) with a model: a mix and its preview, from `parameters.text`.

    Raises ModelAway, ModelUnusable, StorageFull.
    """
    musicgen = loaded(choice, MusicGen.of, report)
    return _made(musicgen, request, None, folder, report, told_of(choice))


def follow(
    choice: ModelChoice,
    request: Mapping[str, Any],
    melody: str,
    folder: str,
    report: Report = lambda percent, message: None,
) -> Made:
    """The same with the melody of the recording at `melody`, of which the model hears up to 30 s.

    The model has to be one for melodies. Raises also NoMelody, as for our own composer: of noise and silence
    a model makes a piece all the same, which would follow nothing. And what reading media raises.
    """
    musicgen = loaded(choice, MusicGen.of, report)
    if musicgen.kind != _MELODY_KIND:
        raise ModelUnusable(f"The model {choice.name} follows no melody; name a musicgen-melody model.")
    hum = hear(melody, lambda percent, message: report(_HEARD * percent / 100.0, message))
    shape = musicgen.chroma
    longest = round(min(request["duration"], shape.longest_seconds) * shape.rate_hz)
    heard = chroma(_beginning(melody, shape.rate_hz, longest), shape)
    facts = {**told_of(choice), "hum": {"seconds": hum.duration, "notes": len(hum.notes)}}
    return _made(musicgen, request, torch.from_numpy(heard)[None], folder, report, facts)


def _made(
    musicgen: MusicGen,
    request: Mapping[str, Any],
    heard: Any,
    folder: str,
    report: Report,
    facts: Mapping[str, Any],
) -> Made:
    sound = _drawn(musicgen, request, heard, report)
    report(_DRAWN, "mastering")
    mix = mastered(sound, musicgen.rate_hz, request["duration"])
    write_sounds(Path(folder), mix, {}, SAMPLE_RATE_HZ)
    report(100.0, None)
    peak = 20.0 * log10(max(1e-9, float(master.true_peaks(mix).max())))
    loudness = master.loudness_lufs(mix)
    return Made(
        provider=MUSICGEN,
        roles=(AUDIO, PREVIEW),
        duration=len(mix) / SAMPLE_RATE_HZ,
        sample_rate=SAMPLE_RATE_HZ,
        channels=mix.shape[1],
        lufs=round(loudness, 2) if isfinite(loudness) else None,
        true_peak_dbtp=round(peak, 2),
        facts=facts,
    )


@torch.inference_mode()
def _drawn(musicgen: MusicGen, request: Mapping[str, Any], heard: Any, report: Report) -> NDArray[np.float32]:
    """(samples, channels) at the model's rate, as long as asked for or a little longer."""
    words = musicgen.tokenizer(
        [request["parameters"]["text"]], return_tensors="pt", truncation=True, max_length=MOST_TOKENS
    )
    # Each codebook lags a frame behind the one before it, so the last frames are of the first ones alone.
    frames = ceil(request["duration"] * musicgen.frames_a_second) + musicgen.codebooks
    torch.manual_seed(request["seed"])
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


def _is_learnt(name: str, model: Any) -> bool:
    """EnCodec keeps its codebooks where other models keep what is not learnt."""
    return name.endswith(".codebook.embed") or name in dict(model.named_parameters())


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
