"""Demucs in a child process: a song into four files, window by window, so memory does not grow with it.

Rouard et al., Hybrid Transformers for Music Source Separation, 2023; the package is its authors'. A model
hears two channels at a rate of its own, so each pair of channels (left and right; any other channel alone) is
brought to that rate and its sources back. What the sources lack of the mix goes to `other`, which is what no
other stem is: the four sum to the mix, as our own separator's do. So do guitar and piano of a model that has
six sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from demucs.apply import BagOfModels, apply_model
from demucs.hf import load_safetensors_model
from safetensors import safe_open
from scipy.signal import resample_poly

from render.audio.decode import SoundShape, channel_blocks, sound_shape
from render.audio.separation.facts import Separated
from render.audio.separation.spectrum import Array
from render.audio.separation.version import STEMS
from render.audio.separation.windows import FADE_SECONDS, Report, faded, written
from render.errors import ModelUnusable
from render.ml.loading import loaded, told_of
from render.ml.models import ModelChoice

OVERLAP = 0.25  # of the stretches that a model hears at once, as its authors part songs
_STRETCHES = 4  # in one window
_LONGEST_WINDOW_SECONDS = 60.0
_REST = "other"
_SILENCE = 1e-7  # -140 dB: nothing that anybody plays
_CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs")
_SIGNATURE = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True)
class Demucs:
    """One model or several whose answers are weighed, and what it calls its sources."""

    model: Any
    rate_hz: int
    sources: tuple[str, ...]
    stretch_seconds: float

    @classmethod
    def of(cls, folder: Path) -> Demucs:
        """A folder as the authors publish it: `NAME.yaml` lists models, `SIGNATURE.safetensors` are they.

        Raises OSError, ValueError and what broken weights make the package raise.
        """
        told = _bag(folder)
        models = [_model(folder / f"{signature}.safetensors") for signature in told["models"]]
        bag = BagOfModels(models, told.get("weights"), told.get("segment")).eval()
        sources = tuple(bag.sources)
        if not set(STEMS) <= set(sources):
            raise ValueError(f"the model parts {', '.join(sources)} and not {', '.join(STEMS)}")
        if bag.audio_channels != 2:
            raise ValueError("the model does not hear two channels")
        return cls(bag, int(bag.samplerate), sources, float(bag.models[0].segment))

    @property
    def window_seconds(self) -> float:
        return min(_LONGEST_WINDOW_SECONDS, _STRETCHES * (1 - OVERLAP) * self.stretch_seconds)


def warm() -> None:
    """Torch is imported with this module, which takes seconds. The model comes with the first job."""


def separate(
    choice: ModelChoice,
    path: str,
    outs: Mapping[str, str],
    report: Report = lambda percent, message: None,
) -> Separated:
    """As `render.audio.separation.stems.separate`, by a trained model.

    Raises also ModelAway and ModelUnusable; then no file is left.
    """
    demucs = loaded(choice, Demucs.of, report)
    shape = sound_shape(path)
    window = round(demucs.window_seconds * shape.rate_hz)
    fade = min(round(FADE_SECONDS * shape.rate_hz), window // 4)
    progress = _Progress(demucs, shape, fade, report)

    def part(mix: Array) -> dict[str, Array]:
        stems = parted(demucs, mix, shape, progress)
        progress.samples += len(mix) - fade
        return stems

    made = written(faded(channel_blocks(path, shape), window, fade, part), shape, outs, report)
    return replace(made, facts=told_of(choice))


def parted(
    demucs: Demucs, mix: Array, shape: SoundShape, progress: _Progress | None = None
) -> dict[str, Array]:
    """Each of `STEMS` of one window, (samples, channels) like it; they sum to it."""
    stems = {stem: np.zeros_like(mix) for stem in STEMS}
    if mix.size and float(np.abs(mix).max()) >= _SILENCE:
        sides = pairs(shape.channels)
        for number, pair in enumerate(sides):
            if progress is not None:
                progress.begin(len(mix), number, len(sides))
            for stem, sound in _heard(demucs, mix[:, pair], shape.rate_hz, progress):
                stems[stem][:, pair] += sound
    stems[_REST] += mix - sum(stems[stem] for stem in STEMS)
    return stems


def pairs(channels: tuple[str, ...]) -> list[list[int]]:
    """The places of channels that belong together: left beside its right; every other one alone."""
    found: list[list[int]] = []
    for place, name in enumerate(channels):
        left = channels[place - 1] if place else ""
        if "L" in left and left.replace("L", "R") == name and len(found[-1]) == 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def _heard(demucs: Demucs, sound: Array, rate_hz: int, progress: _Progress | None) -> list[tuple[str, Array]]:
    """(stem, (samples, 1 or 2)) of each source of one channel or two."""
    there = _resampled(sound, rate_hz, demucs.rate_hz)
    loudness = float(there.std()) + 1e-8
    heard = torch.tensor(np.broadcast_to(there / loudness, (len(there), 2)).T)
    with torch.inference_mode():
        answer = apply_model(
            demucs.model, heard[None], shifts=0, split=True, overlap=OVERLAP, device="cpu", callback=progress
        )[0]
    sources = answer.numpy().transpose(0, 2, 1) * loudness
    if not np.isfinite(sources).all():
        raise ModelUnusable("The model gave no sound.")
    if sound.shape[1] == 1:
        sources = sources.mean(axis=2, keepdims=True)
    return [
        (name if name in STEMS else _REST, _resampled(source, demucs.rate_hz, rate_hz)[: len(sound)])
        for name, source in zip(demucs.sources, sources, strict=True)
    ]


def _resampled(sound: Array, from_hz: int, to_hz: int) -> Array:
    if from_hz == to_hz:
        return sound
    common = gcd(from_hz, to_hz)
    return np.asarray(resample_poly(sound, to_hz // common, from_hz // common, axis=0), np.float32)


class _Progress:
    """What the package calls before and after each stretch of each model."""

    def __init__(self, demucs: Demucs, shape: SoundShape, fade: int, report: Report) -> None:
        self._expected = max(1.0, shape.seconds * shape.rate_hz)
        self._rate_hz, self._model_hz = shape.rate_hz, demucs.rate_hz
        self._stretch_seconds = (1 - OVERLAP) * demucs.stretch_seconds
        self._fade, self._report = fade, report
        self._window, self._pair, self._pairs = 0, 0, 1
        self.samples = 0  # that are done, of the song

    def begin(self, window: int, pair: int, pairs: int) -> None:
        self._window, self._pair, self._pairs = window, pair, pairs

    def __call__(self, told: Mapping[str, Any]) -> None:
        if told["state"] != "end":
            return
        seconds = told["segment_offset"] / self._model_hz + self._stretch_seconds
        heard = min(1.0, seconds * self._rate_hz / self._window)
        model = (told["model_idx_in_bag"] + heard) / told["models"]
        done = self.samples + (self._window - self._fade) * (self._pair + model) / self._pairs
        self._report(min(99.0, 100.0 * done / self._expected), None)


def _bag(folder: Path) -> dict[str, Any]:
    """The one YAML file of the folder. Raises ValueError where it is none or says nothing of models."""
    files = sorted(folder.glob("*.yaml"))
    if len(files) != 1:
        raise ValueError("the folder has no YAML file that lists its models, or several")
    told = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    if not isinstance(told, dict) or not isinstance(told.get("models"), list) or not told["models"]:
        raise ValueError("the YAML file lists no models")
    if not all(isinstance(name, str) and _SIGNATURE.fullmatch(name) for name in told["models"]):
        raise ValueError("the YAML file lists a model whose name is none")
    return told


def _model(path: Path) -> Any:
    """The file names its class, and a quantised one further classes, which the package would import: so the
    class has to be one of Demucs' own, and quantised ones are refused.
    """
    with safe_open(path, framework="pt") as file:
        told = file.metadata() or {}
    if told.get("klass") not in _CLASSES or "structure" in told:
        raise ValueError(f"a quantised model, or one of the class {told.get('klass')}")
    return load_safetensors_model(path)
