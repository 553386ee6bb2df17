"""Tiny models with random weights, made once; every test module here is skipped where torch is not installed.

pytest.importorskip("torch", reason=REASON)   # first of all, in each module
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rest.songs import kick_wav

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before its client is imported: no test uses the network


@pytest.fixture(scope="session")
def text_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.ml.tiny_musicgen import save_text_model

    return save_text_model(tmp_path_factory.mktemp("models") / "tiny-musicgen")


@pytest.fixture(scope="session")
def melody_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.ml.tiny_musicgen import save_melody_model

    return save_melody_model(tmp_path_factory.mktemp("models") / "tiny-melody")


@pytest.fixture(scope="session")
def demucs_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.ml.tiny_demucs import save_bag

    return save_bag(tmp_path_factory.mktemp("models") / "tiny-demucs")


@pytest.fixture
def song(tmp_path: Path) -> Iterator[Path]:
    """Seven seconds of kicks, stereo, 32 kHz."""
    path = tmp_path / "song.wav"
    path.write_bytes(kick_wav(7.0, sample_rate_hz=32_000, channels=2))
    yield path
