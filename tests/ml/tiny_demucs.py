"""Hybrid transformer Demucs of a few thousand random weights, saved as its authors publish the real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ("drums", "bass", "other", "vocals")


def save_bag(folder: Path, *, models: int = 1, sources: Sequence[str] = SOURCES, seed: int = 1) -> Path:
    """`tiny.yaml` and a safetensors file for each of its models."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:08x}" for number in range(1, models + 1)]
    for number, name in enumerate(names):
        save_model(folder / f"{name}.safetensors", sources, seed + number)
    (folder / "tiny.yaml").write_text(f"models: {json.dumps(names)}\n")
    return folder


def save_model(path: Path, sources: Sequence[str], seed: int, **metadata: str) -> None:
    torch.manual_seed(seed)
    kwargs: dict[str, Any] = {
        "channels": 4,
        "t_layers": 1,
        "t_heads": 2,
        "dconv_mode": 0,
        "samplerate": 44_100,
        "segment": Fraction(3, 2),
    }
    model = HTDemucs(list(sources), **kwargs)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    told = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps([list(sources)]),
        "kwargs": json.dumps({**kwargs, "segment": {"_type": "fraction", "numerator": 3, "denominator": 2}}),
        **metadata,
    }
    save_file(tensors, path, metadata=told)
