"""A config from what a client said: merged key by key over the old one, checked against the table of fields.

Every refusal is an InvalidInput that names the field and its range, such as "fps must be 1 to 120, got 0".
Whole numbers are taken for floats and whole floats for ints; null means the default; a bool is no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from domain.errors import InvalidInput
from render import limits
from render.particles.config import FIELDS, ConfigField, ParticleConfig, from_json, to_json

_BY_NAME = {field.name: field for field in FIELDS}
_OBJECTS = {name.split(".")[0] for name in _BY_NAME if "." in name}
MAX_SHOWN = 60  # characters of a refused value that a message repeats


def merged_config(base: ParticleConfig, patch: Mapping[str, Any] | None) -> ParticleConfig:
    """`base` with the keys of `patch` (snake_case) in place of its own; absent keys stay.

    Raises InvalidInput for an unknown key and for a value that its field does not take.
    """
    values = to_json(base)
    for name, value in (patch or {}).items():
        if name in _OBJECTS:
            values[name] = _merged_object(name, values[name], value)
        else:
            values[name] = _checked(_known(name, nested=False), value)
    return from_json(values)


def _merged_object(name: str, base: dict[str, Any], patch: Any) -> dict[str, Any]:
    prefix = f"{name}."
    if patch is None:
        patch = dict.fromkeys(base)
    if not isinstance(patch, Mapping):
        raise InvalidInput(name, f"{name} must be an object, got {shown(patch)}")
    checked = {key: _checked(_known(f"{prefix}{key}", nested=True), value) for key, value in patch.items()}
    return {**base, **checked}


def _known(name: str, *, nested: bool) -> ConfigField:
    field = _BY_NAME.get(name)
    if field is None or nested != ("." in name):
        word = shown(name)
        raise InvalidInput(
            word.strip("'\"") or "config", f"unknown config field {word}; allowed: {', '.join(_BY_NAME)}"
        )
    return field


def _checked(field: ConfigField, value: Any) -> Any:
    return field.default if value is None else _CHECKS[field.type](field, value)


def _whole(field: ConfigField, value: Any) -> int:
    number = _number(field, value)
    if number != int(number):
        raise InvalidInput(field.name, f"{field.name} must be a whole number, got {shown(value)}")
    return int(number)


def _even(field: ConfigField, value: Any) -> int:
    number = _whole(field, value)
    if number % 2:
        raise InvalidInput(field.name, f"{field.name} must be even, got {number}")
    return number


def _float(field: ConfigField, value: Any) -> float:
    return float(_number(field, value))


def _number(field: ConfigField, value: Any) -> int | float:
    low, high = field.minimum, field.maximum
    if not _is_number(value):
        raise InvalidInput(field.name, f"{field.name} must be a number{_span(low, high)}, got {shown(value)}")
    if not _within(value, low, high):
        raise InvalidInput(field.name, f"{field.name} must be{_span(low, high)}, got {shown(value)}")
    return value  # type: ignore[no-any-return]


def _bool(field: ConfigField, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field.name, f"{field.name} must be true or false, got {shown(value)}")
    return value


def _colors(field: ConfigField, value: Any) -> list[list[int]]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(field.name, f"{field.name} must be a list of colours, got {shown(value)}")
    if not limits.MIN_COLORS <= len(value) <= limits.MAX_COLORS:
        span = f"{limits.MIN_COLORS} to {limits.MAX_COLORS}"
        raise InvalidInput(field.name, f"{field.name} must be {span} colours, got {len(value)}")
    return [_channels(field, f"{field.name}[{place}]", item) for place, item in enumerate(value)]


def _color(field: ConfigField, value: Any) -> list[int]:
    return _channels(field, field.name, value)


def _channels(field: ConfigField, where: str, value: Any) -> list[int]:
    span = _span(field.minimum, field.maximum)
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InvalidInput(field.name, f"{where} must be [red, green, blue], each{span}, got {shown(value)}")
    for channel in value:
        within = _is_number(channel) and _within(channel, field.minimum, field.maximum)
        if not within or channel != int(channel):
            raise InvalidInput(field.name, f"{where} must hold whole numbers{span}, got {shown(channel)}")
    return [int(channel) for channel in value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: int | float, low: float | None, high: float | None) -> bool:
    # not-a-number compares false with everything, so it is within nothing
    return (low is None or value >= low) and (high is None or value <= high) and abs(value) < math.inf


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" {low:.10g} to {high:.10g}"


def shown(value: Any) -> str:
    """A refused value as a message repeats it: printable, short, whatever it is."""
    text = str(value) if _is_number(value) else ascii(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


_CHECKS: dict[str, Callable[[ConfigField, Any], Any]] = {
    "int": _whole,
    "even_int": _even,
    "float": _float,
    "bool": _bool,
    "color": _color,
    "colors": _colors,
}
