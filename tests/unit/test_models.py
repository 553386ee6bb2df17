"""Which trained model is used: named by settings, refused with a sentence, never replaced by another."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.models import models_of, refuse_lacking
from app.refusals import DoesNotStart
from app.settings import BadSetting, Settings
from app.wiring import check
from app.work import run_worker
from db import job_moves
from db.jobs import Job
from domain import jobs, music, stems
from domain.accounts import Viewer, local_owner
from domain.errors import Unavailable
from domain.models import by_hash, params_of
from domain.music import NewPiece
from domain.ports import Models, Services
from render.errors import ModelAway, ModelUnusable
from render.ml import models
from render.ml.models import DEMUCS, MUSICGEN, BadModel, choice
from tests.support.processes import ROOT
from tests.support.rows import an_asset
from workers.failures import judge
from workers.handlers.stem_separate import stem_separate
from workers.models import model_of
from workers.process import WorkerOptions
from workers.run import Run
from workers.runner import Runner


@pytest.fixture
async def viewer(services: Services) -> Viewer:
    return await local_owner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is taken for a model by who does not open it."""
    return a_folder(tmp_path / "my model")


def a_folder(place: Path) -> Path:
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"weights")
    return place


def test_a_repository_of_the_hub_is_named_whole() -> None:
    found = choice(MUSICGEN, "facebook/musicgen-small@v1.0")
    assert (found.name, found.is_folder) == ("facebook/musicgen-small@v1.0", False)
    assert found.repository == ("facebook/musicgen-small", "v1.0")
    assert choice(MUSICGEN, "facebook/musicgen-small").repository == ("facebook/musicgen-small", None)


def test_a_folder_shows_its_name_and_no_path(folder: Path) -> None:
    found = choice(DEMUCS, str(folder))
    assert (found.name, found.is_folder) == ("my model", True)
    before = found.identity
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert choice(DEMUCS, str(folder)).identity != before


@pytest.mark.parametrize(
    "named",
    ["musicgen", "a/b/c", "../a/b", "a/..", "https://a/b", "a b/c", "/nowhere/at/all", "~nobody-here/x"],
)
def test_what_names_no_model_is_refused(named: str) -> None:
    with pytest.raises(BadModel):
        choice(MUSICGEN, named)


def test_a_folder_without_safe_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.th").write_bytes(b"a pickle")
    with pytest.raises(BadModel, match=r"without weights \(\*.safetensors\)"):
        choice(DEMUCS, str(tmp_path))


def test_our_own_providers_are_the_default(settings: Settings) -> None:
    assert models_of(settings) == Models() and WorkerOptions("").models == Models()
    assert set(WorkerOptions("").pool_plans()) == {"render", "features", "music"}
    refuse_lacking(Models())


@pytest.mark.parametrize("name", ["STARLING_MUSIC_PROVIDER", "STARLING_STEMS_PROVIDER"])
def test_a_provider_that_there_is_not_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadSetting, match=f"{name} must be (composer or musicgen|separator or demucs)"):
        Settings.from_environ({name: "suno"})


def test_chosen_models_have_children_of_their_own(folder: Path) -> None:
    settings = Settings.from_environ(
        {
            "STARLING_MUSIC_PROVIDER": "MusicGen",
            "STARLING_MUSICGEN_MODEL": str(folder),
            "STARLING_STEMS_PROVIDER": "demucs",
            "STARLING_MODEL_MEMORY_MB": "4096",
        }
    )
    chosen = models_of(settings)
    assert chosen.music is not None and chosen.melody is not None and chosen.stems is not None
    assert [one.name for one in (chosen.music, chosen.melody, chosen.stems)] == [
        "my model",
        "facebook/musicgen-melody",
        "adefossez/HTDemucs",
    ]
    options = WorkerOptions("", slots=3, models=chosen, model_memory_bytes=settings.model_memory_bytes)
    plan = options.pool_plans()[MUSICGEN]
    assert (plan.size, plan.memory_limit_bytes) == (3, 4096 * 1024**2)
    assert DEMUCS in options.pool_plans()


async def test_a_model_that_is_not_there_is_said_at_the_start(settings: Settings) -> None:
    bad = replace(settings, stems_provider=DEMUCS, demucs_model="/nowhere")
    with pytest.raises(
        DoesNotStart, match="STARLING_DEMUCS_MODEL names a folder that is not there: '/nowhere'"
    ):
        await check(bad)


def test_a_provider_without_its_packages_does_not_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(models.PACKAGES, MUSICGEN, ("json", "a_package_that_is_not"))
    with pytest.raises(DoesNotStart) as refused:
        run_worker(replace(settings, music_provider=MUSICGEN))
    assert str(refused.value) == (
        "STARLING_MUSIC_PROVIDER=musicgen needs a_package_that_is_not, which this Python does not have: "
        "pip install -r requirements-ml.txt (the extra ml)."
    )


def test_neither_api_nor_worker_loads_what_runs_models() -> None:
    code = (
        "import app.asgi, app.work, app.serve, sys; heavy = ('torch', 'transformers', 'demucs');"
        "print([name for name in (*heavy, 'render.ml.loading') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


async def test_a_separation_is_of_its_provider_and_model(viewer: Viewer, services: Services) -> None:
    song = await an_asset(viewer, kind="AUDIO", duration=3.0)
    made: list[Job] = []
    one, two = choice(DEMUCS, "a/one"), choice(DEMUCS, "a/two")
    for model in (None, one, two, replace(one, weights="changed")):
        chosen = replace(services, models=Models(stems=model))
        made.append(await stems.separate(viewer, song.id, services=chosen))
    assert len({job.cache_key for job in made}) == 4
    assert [(job.params.get("provider"), job.params.get("model")) for job in made] == [
        (None, None),
        (DEMUCS, "a/one"),
        (DEMUCS, "a/two"),
        (DEMUCS, "a/one"),
    ]


async def test_a_piece_is_of_its_provider_and_model(viewer: Viewer, services: Services) -> None:
    piece = NewPiece("Calm jazz piano, 90 bpm", mood="dark", key="f# minor", duration=8.0, seed=3)
    composed = await music.generate(viewer, piece, services=services)
    drawing = replace(services, music_provider=MUSICGEN, models=Models(music=choice(MUSICGEN, "a/one")))
    drawn = await music.generate(viewer, piece, services=drawing)
    assert composed.cache_key != drawn.cache_key and "model" not in composed.params
    assert (drawn.params["provider"], drawn.params["model"]) == (MUSICGEN, "a/one")
    request = drawn.params["request"]
    assert (request["bpm"], request["key"]) == (90, "F# minor")
    assert request["parameters"]["text"] == "Calm jazz piano, 90 bpm, dark, F# minor"


def a_run(mine: Models, **params: Any) -> Run:
    return cast(Run, type("Run", (), {"params": params, "services": SimpleNamespace(models=mine)})())


def test_a_worker_runs_the_model_that_the_job_was_accepted_for() -> None:
    mine = choice(DEMUCS, "a/one", threads=4)
    said = {"provider": DEMUCS, **params_of(choice(DEMUCS, "a/one", threads=3))}
    found = model_of(a_run(Models(stems=mine), **said))
    assert found == mine and found.threads == 3, "the sums are those that the job was accepted with"
    assert model_of(a_run(Models(stems=mine), audio_id="1")) is None, "our own separator's job stays its own"
    for chosen in (None, choice(DEMUCS, "a/two"), choice(MUSICGEN, "a/one")):
        with pytest.raises(Unavailable, match="does not work with demucs and the model a/one"):
            model_of(a_run(Models(stems=chosen), **said))


def test_two_folders_of_one_name_are_two_models(tmp_path: Path) -> None:
    one, two = [a_folder(tmp_path / place / "model") for place in ("a", "b")]
    mine, other = choice(DEMUCS, str(one)), choice(DEMUCS, str(two))
    assert (mine.name, other.name) == ("model", "model")
    with pytest.raises(Unavailable, match="the model model"):
        model_of(a_run(Models(stems=mine), provider=DEMUCS, **params_of(other)))


async def test_a_job_of_another_model_is_left_to_who_has_it(viewer: Viewer, services: Services) -> None:
    song = await an_asset(viewer, kind="AUDIO", duration=3.0)
    one, two = choice(DEMUCS, "a/one"), choice(DEMUCS, "a/two")
    job = await stems.separate(viewer, song.id, services=replace(services, models=Models(stems=one)))
    for chosen in (Models(), Models(stems=two)):
        runner = Runner("worker", replace(services, models=chosen), {job.kind: stem_separate}, {}, 1)
        assert await runner.answer_bell() is False
    waiting = await jobs.get(viewer, job.id)
    assert (waiting.state, waiting.attempt, waiting.version) == ("PENDING", 0, 1)
    claimed = await job_moves.claim("worker", [job.kind], 30.0, sorted(by_hash(Models(stems=one))))
    assert claimed is not None and claimed.id == job.id


async def test_a_separation_with_other_threads_is_another(viewer: Viewer, services: Services) -> None:
    song = await an_asset(viewer, kind="AUDIO", duration=3.0)
    keys = set()
    for threads in (1, 2):
        chosen = replace(services, models=Models(stems=choice(DEMUCS, "a/one", threads)))
        keys.add((await stems.separate(viewer, song.id, services=chosen)).cache_key)
    assert len(keys) == 2


def test_what_a_model_fails_with_is_told_and_only_fetching_is_tried_again() -> None:
    unusable, away = judge(ModelUnusable("The model x cannot be loaded.")), judge(ModelAway("It is away."))
    assert (unusable.code, unusable.message) == ("PROVIDER_ERROR", "The model x cannot be loaded.")
    assert (unusable.may_retry, away.may_retry) == (False, True)
