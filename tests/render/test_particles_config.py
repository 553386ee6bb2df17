"""The table of fields, the stored form and the types."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import pytest

from render.particles.config import (
    FIELDS,
    TYPES,
    EnhancedMode,
    ParticleConfig,
    ParticleType,
    from_json,
    to_json,
)


def test_stored_and_read_again_it_is_equal() -> None:
    config = ParticleConfig(
        duration=3.5,
        particle_colors=((1, 2, 3), (4, 5, 6)),
        background=(7, 8, 9),
        enhanced_mode=EnhancedMode(active=False, threshold=0.5, factor=3.0),
        seed=-5,
    )
    assert from_json(json.loads(json.dumps(to_json(config)))) == config
    assert from_json({}) == ParticleConfig()


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(TypeError):
        from_json({"base_particle_count": 3})


def test_the_table_has_every_field_once_with_its_default() -> None:
    names = [item.name for item in FIELDS]
    assert len(set(names)) == len(names)
    expected = {item.name for item in fields(ParticleConfig)} - {"enhanced_mode"}
    expected |= {f"enhanced_mode.{item.name}" for item in fields(EnhancedMode)}
    assert set(names) == expected
    defaults = to_json(ParticleConfig())
    for item in FIELDS:
        value = defaults
        for part in item.name.split("."):
            value = value[part]
        assert item.default == value
        assert item.description.endswith(".")
        assert (item.minimum is None) == (item.type == "bool")


def test_every_type_is_told_about_in_order() -> None:
    assert [info.type for info in TYPES] == list(ParticleType)
    assert [info.type for info in TYPES if not info.reacts_to_audio] == [
        ParticleType.ZEN,
        ParticleType.NO_MUSIC,
    ]


def test_the_config_is_light() -> None:
    """The API process reads it, and must not load what draws."""
    heavy = "{'numba', 'numpy', 'cv2', 'av', 'librosa', 'scipy'}"
    code = f"import sys, render.particles.config, render.audio.version; print({heavy} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
