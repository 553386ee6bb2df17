"""A config patch merges key by key, and whatever is wrong in it is refused by field and limit."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.particles.config import MAX_SHOWN, merged_config
from render.particles.config import FIELDS, EnhancedMode, ParticleConfig, from_json, to_json

BASE = ParticleConfig()


def test_absent_keys_stay_and_enhanced_mode_merges_key_by_key() -> None:
    first = merged_config(BASE, {"width": 640, "enhanced_mode": {"factor": 3}})
    second = merged_config(first, {"height": 360, "enhanced_mode": {"active": False}})
    assert (second.width, second.height, second.fps) == (640, 360, 30)
    assert second.enhanced_mode == EnhancedMode(active=False, threshold=0.3, factor=3.0)


def test_the_example_of_the_documentation_is_taken_whole() -> None:
    config = merged_config(
        BASE,
        {
            "duration": 15.0,
            "particle_colors": [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
            "enhanced_mode": {"active": True, "threshold": 0.3, "factor": 2.0},
        },
    )
    assert config.particle_colors == ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    assert config.duration == 15.0


def test_null_is_the_default() -> None:
    changed = merged_config(
        BASE, {"fps": 60, "duration": 3, "enhanced_mode": {"factor": 9}, "background": [1, 2, 3]}
    )
    patch = {"fps": None, "duration": None, "enhanced_mode": None, "background": None}
    assert merged_config(changed, patch) == BASE


def test_whole_numbers_and_floats_stand_for_each_other() -> None:
    config = merged_config(BASE, {"duration": 4, "fps": 24.0, "particle_colors": [[1.0, 2, 3]]})
    assert isinstance(config.duration, float)
    assert isinstance(config.fps, int)
    assert config.particle_colors == ((1, 2, 3),)


@pytest.mark.parametrize(
    ("patch", "field", "says"),
    [
        ({"fps": 0}, "fps", "fps must be 1 to 120, got 0"),
        ({"fps": 1000}, "fps", "fps must be 1 to 120, got 1000"),
        ({"fps": 29.5}, "fps", "fps must be a whole number, got 29.5"),
        ({"width": 641}, "width", "width must be even, got 641"),
        ({"width": 1, "height": 1}, "width", "width must be 16 to 7680, got 1"),
        ({"width": 15360, "height": 8640}, "width", "width must be 16 to 7680, got 15360"),
        ({"height": -720}, "height", "height must be 16 to 7680, got -720"),
        ({"particle_count": 10**9}, "particle_count", "particle_count must be 1 to 100000, got 1000000000"),
        ({"max_particles": 0}, "max_particles", "max_particles must be 1 to 100000, got 0"),
        ({"duration": 0}, "duration", "duration must be 0.1 to 3600, got 0"),
        ({"duration": math.nan}, "duration", "duration must be 0.1 to 3600, got nan"),
        ({"glow": math.inf}, "glow", "glow must be 0 to 1, got inf"),
        ({"glow": -math.inf}, "glow", "glow must be 0 to 1, got -inf"),
        ({"speed_x": 10**400}, "speed_x", "speed_x must be -50 to 50, got 1000"),
        ({"seed": 2**40}, "seed", "seed must be -2147483648 to 2147483647, got 1099511627776"),
        ({"width": True}, "width", "width must be a number 16 to 7680, got True"),
        ({"width": "1920"}, "width", "width must be a number 16 to 7680, got '1920'"),
        ({"bounce": 1}, "bounce", "bounce must be true or false, got 1"),
        ({"particle_colors": []}, "particle_colors", "particle_colors must be 1 to 64 colours, got 0"),
        (
            {"particle_colors": [[0, 0, 0]] * 65},
            "particle_colors",
            "particle_colors must be 1 to 64 colours, got 65",
        ),
        (
            {"particle_colors": [[255, 0, 0], [255, 0]]},
            "particle_colors",
            "particle_colors[1] must be [red, green",
        ),
        (
            {"particle_colors": [[255, 0, 256]]},
            "particle_colors",
            "particle_colors[0] must hold whole numbers 0 to 255",
        ),
        ({"particle_colors": [[255, 0, math.nan]]}, "particle_colors", "got nan"),
        ({"particle_colors": [[255, 0, 10**400]]}, "particle_colors", "0 to 255"),
        ({"particle_colors": [[255, 0, 0.5]]}, "particle_colors", "got 0.5"),
        (
            {"particle_colors": "red"},
            "particle_colors",
            "particle_colors must be a list of colours, got 'red'",
        ),
        ({"background": [0, 0]}, "background", "background must be [red, green, blue], each 0 to 255"),
        ({"enhanced_mode": 1}, "enhanced_mode", "enhanced_mode must be an object, got 1"),
        (
            {"enhanced_mode": {"factor": 11}},
            "enhanced_mode.factor",
            "enhanced_mode.factor must be 0 to 10, got 11",
        ),
        ({"enhanced_mode": {"gain": 1}}, "enhanced_mode.gain", "unknown config field 'enhanced_mode.gain'"),
        ({"enhanced_mode.factor": 1}, "enhanced_mode.factor", "unknown config field"),
        (
            {"base_particle_count": 5},
            "base_particle_count",
            "unknown config field 'base_particle_count'; allowed: width,",
        ),
        ({"x_position": 2.01}, "x_position", "x_position must be -1 to 2, got 2.01"),
    ],
)
def test_what_is_wrong_names_its_field_and_limit(patch: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        merged_config(BASE, patch)
    assert refused.value.field == field
    assert says in refused.value.message


def test_a_message_is_short_and_printable_whatever_was_sent() -> None:
    for value in ["\ud800" * 500, "\x00\n", {"a": ["\ud800"] * 100}, [1] * 10_000, 10**4000]:
        with pytest.raises(InvalidInput) as refused:
            merged_config(BASE, {"fps": value})
        assert len(refused.value.message) < MAX_SHOWN + 60
        refused.value.message.encode()
    with pytest.raises(InvalidInput) as unknown:
        merged_config(BASE, {"\ud800\x00": 1})
    unknown.value.message.encode()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_takes_its_default_and_both_ends_of_its_range(field: Any) -> None:
    for value in (field.default, None, *_ends(field)):
        patch: Any = value
        for part in reversed(field.name.split(".")):
            patch = {part: patch}
        config = merged_config(BASE, patch)
        assert from_json(json.loads(json.dumps(to_json(config)))) == config


def _ends(field: Any) -> list[Any]:
    if field.minimum is None:
        return [True, False]
    ends = [int(end) if field.type != "float" else end for end in (field.minimum, field.maximum)]
    if field.type == "color":
        return [[end] * 3 for end in ends]
    return [[[end] * 3] for end in ends] if field.type == "colors" else ends


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from([field.name.split(".")[0] for field in FIELDS]) | st.text()


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=5))
def test_any_patch_is_either_a_config_in_range_or_refused(patch: dict[str, Any]) -> None:
    try:
        config = merged_config(BASE, patch)
    except InvalidInput as refused:
        assert refused.field
        return
    assert merged_config(BASE, to_json(config)) == config
