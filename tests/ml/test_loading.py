"""Weights are loaded once, from a folder or the hub's cache, and refused where they could be a program."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ml import REASON

pytest.importorskip("torch", reason=REASON)

import huggingface_hub.constants
import torch
from safetensors.torch import load_file, save_file

from render.errors import ModelAway, ModelUnusable
from render.ml import loading
from render.ml.demucs import Demucs
from render.ml.models import DEMUCS, MUSICGEN, BadModel, ModelChoice, choice
from render.ml.musicgen import MusicGen
from tests.ml.tiny_demucs import SOURCES, save_bag, save_model
from tests.ml.tiny_musicgen import save_text_model


def quiet(percent: float, message: str | None) -> None:
    pass


def musicgen(folder: Path) -> MusicGen:
    return loading.loaded(choice(MUSICGEN, str(folder)), MusicGen.of, quiet)


def demucs(folder: Path) -> Demucs:
    return loading.loaded(choice(DEMUCS, str(folder)), Demucs.of, quiet)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, which is not asked itself."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached(hub: Path, name: str, revision: str = "a" * 40) -> Path:
    """The folder of a model in that cache, as the hub's client lays it out."""
    home = hub / f"models--{name.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(revision)
    folder = home / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


def test_a_model_is_loaded_once_and_makes_room_for_the_next(text_model: Path, demucs_model: Path) -> None:
    first = musicgen(text_model)
    assert musicgen(text_model) is first
    other = demucs(demucs_model)
    assert list(loading._kept.values()) == [other]
    assert musicgen(text_model) is not first


def test_a_folder_that_changed_is_loaded_again(text_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(text_model, tmp_path / "own")
    before = choice(MUSICGEN, str(folder))
    first = musicgen(folder)
    save_text_model(folder, seed=2)
    assert choice(MUSICGEN, str(folder)).identity != before.identity
    assert musicgen(folder) is not first


def test_a_model_of_the_hub_comes_from_its_cache(hub: Path, text_model: Path) -> None:
    folder = cached(hub, "tiny/music")
    shutil.copytree(text_model, folder, dirs_exist_ok=True)
    for named in ("tiny/music", f"tiny/music@{'a' * 40}"):
        model = choice(MUSICGEN, named)
        assert loading.loaded(model, MusicGen.of, quiet).kind == "musicgen"
        assert loading.told_of(model) == {"model": named, "model_commit": "a" * 40}


def test_a_model_that_cannot_be_fetched_may_come_later(hub: Path) -> None:
    with pytest.raises(ModelAway, match="owner/nothing could not be fetched"):
        loading.loaded(choice(MUSICGEN, "owner/nothing"), MusicGen.of, quiet)


def test_pickled_weights_are_never_opened(hub: Path, text_model: Path, tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "it ran",))

    folder = cached(hub, "tiny/pickled")
    shutil.copytree(text_model, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(Program(), folder / "pytorch_model.bin")
    torch.save(Program(), folder / "tiny.th")
    with pytest.raises(ModelUnusable, match="pickled ones are refused"):
        loading.loaded(choice(MUSICGEN, "tiny/pickled"), MusicGen.of, quiet)
    with pytest.raises(BadModel, match="without weights"):
        choice(MUSICGEN, str(folder))
    (folder / "further.safetensors").write_bytes((text_model / "model.safetensors").read_bytes())
    with pytest.raises(ModelUnusable):
        musicgen(folder)
    assert not (tmp_path / "it ran").exists()


def test_code_of_a_repository_never_runs(text_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(text_model, tmp_path / "own")
    told = json.loads((folder / "config.json").read_text())
    told |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(told))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')")
    with pytest.raises(ModelUnusable):
        musicgen(folder)
    assert not (tmp_path / "it ran").exists()


def test_weights_that_are_cut_or_lacking_are_no_model(text_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(text_model, tmp_path / "own")
    weights = folder / "model.safetensors"
    for part in ("fc1", "codebook.embed"):
        tensors = load_file(text_model / "model.safetensors")
        del tensors[next(name for name in tensors if part in name)]
        save_file(tensors, weights, metadata={"format": "pt"})
        with pytest.raises(ModelUnusable) as lacking:
            musicgen(folder)
        assert "would be random" in str(lacking.value.__cause__)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelUnusable, match="The model own cannot be loaded"):
        musicgen(folder)


def test_names_of_weights_as_they_were_published_are_known(text_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(text_model, tmp_path / "own")
    former = {
        "parametrizations.weight.original0": "weight_g",
        "parametrizations.weight.original1": "weight_v",
    }
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        for now, then in former.items():
            name = name.replace(now, then)
        tensors[name] = tensor
    assert any(name.endswith("weight_g") for name in tensors)
    tensors["decoder.model.decoder.embed_positions.weights"] = torch.zeros(8, 16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    known, found = MusicGen.of(text_model).model.state_dict(), MusicGen.of(folder).model.state_dict()
    assert all(torch.equal(known[name], found[name]) for name in known)


def test_a_model_of_another_kind_is_refused(demucs_model: Path, text_model: Path) -> None:
    with pytest.raises(ModelUnusable):
        musicgen(demucs_model)
    with pytest.raises(ModelUnusable):
        demucs(text_model)


@pytest.mark.parametrize(
    "metadata",
    [{"klass": "antigravity.Model"}, {"klass": "os.system", "args": '["true"]'}, {"structure": "{}"}],
)
def test_weights_name_no_class_but_demucs_own(tmp_path: Path, metadata: dict[str, str]) -> None:
    folder = save_bag(tmp_path / "own")
    save_model(folder / "00000001.safetensors", SOURCES, 1, **metadata)
    with pytest.raises(ModelUnusable):
        demucs(folder)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    "text",
    ["models: []", "models: [../00000001]", "models: [7]", "models: [missing]", "- x", "{", "a: &a [*a]"],
)
def test_a_list_of_models_that_is_none(tmp_path: Path, text: str) -> None:
    folder = save_bag(tmp_path / "own")
    (folder / "tiny.yaml").write_text(text)
    with pytest.raises(ModelUnusable):
        demucs(folder)


def test_a_model_has_the_four_sources_and_one_list(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable):
        demucs(save_bag(tmp_path / "two", sources=("vocals", "other")))
    folder = save_bag(tmp_path / "own")
    shutil.copy(folder / "tiny.yaml", folder / "again.yaml")
    with pytest.raises(ModelUnusable):
        demucs(folder)


def test_threads_are_those_of_the_choice(text_model: Path) -> None:
    before = torch.get_num_threads()
    try:
        loading.loaded(
            ModelChoice(**{**vars(choice(MUSICGEN, str(text_model))), "threads": 2}), MusicGen.of, quiet
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
