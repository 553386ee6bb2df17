"""What the child runs for the composer: from a recording and a request to the files of a piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from render.audio.humming.facts import Hum
from render.audio.humming.hear import hear
from render.errors import RenderError
from render.music.following.hummed import Wanted, parameters_of
from render.music.made import Made, Report
from render.music.making import make
from render.music.parameters import InvalidParameter, MusicParameters

_HEARD = 15.0  # per cent of the work


def follow(
    request: Mapping[str, Any],
    melody: str,
    folder: str,
    report: Report = lambda percent, message: None,
) -> Made:
    """As `render.music.making.make`, the piece led by what is hummed in the file `melody`.

    Besides what any maker is asked, the request has `asked`: `bpm`, `key` and `duration` as they were asked
    for, not yet resolved. The facts tell what became of them, and what was heard. Raises RenderError
    (NoMelody where none is heard).
    """
    hum = hear(melody, lambda percent, message: report(_HEARD * percent / 100.0, message))
    try:
        parameters = parameters_of(hum, _wanted(request))
    except InvalidParameter as error:
        raise RenderError(f"The piece cannot be composed: {error}") from error
    facts = _facts(hum, parameters)

    def told(percent: float, message: str | None) -> None:
        report(_HEARD + (100.0 - _HEARD) * percent / 100.0, message)

    return make({**request, **facts}, folder, told, facts)


def _wanted(request: Mapping[str, Any]) -> Wanted:
    asked = request["asked"]
    return Wanted(
        prompt=request["prompt"],
        mood=request["mood"],
        bpm=asked["bpm"],
        key=asked["key"],
        duration=asked["duration"],
        seed=request["seed"],
    )


def _facts(hum: Hum, parameters: MusicParameters) -> dict[str, Any]:
    return {
        "bpm": parameters.bpm,
        "key": parameters.key,
        "parameters": parameters.as_json(),
        "hum": {
            "seconds": hum.duration,
            "notes": len(hum.notes),
            "tuning_cents": hum.tuning_cents,
            "drift_cents": hum.drift_cents,
        },
    }
