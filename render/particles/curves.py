"""From light to code values, a pixel at a time, for the kernels that inline these.

Polynomials in float32 without fastmath: elementwise, so the same to the bit at any vector width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_F = np.float32


@njit(inline="always", error_model="numpy")
def coded(light: Any) -> Any:
    """sRGB code 0..1 of linear light 0..1: a polynomial in the square root, within 0.2 of a step of 255."""
    s = _F(math.sqrt(light))
    curve = _F(-0.3093876631) * s + _F(0.8423940225)
    curve = curve * s + _F(-0.9446149705)
    curve = curve * s + _F(1.4478618817)
    curve = curve * s + _F(-0.0370058771)
    low = light * _F(12.92)
    return low if light < _F(0.0031308) else curve


@njit(inline="always", error_model="numpy")
def toned(peak: Any) -> Any:
    """(1 - exp(-L)) / L for the light L >= 0 of the strongest channel: the tone curve as a factor.

    exp(L / 4) is taken as its series up to the third power, so that one division is enough.
    """
    x = min(peak, _F(24.0)) * _F(0.25) + _F(1e-5)
    grown = ((_F(1.0 / 6.0) * x + _F(0.5)) * x + _F(1.0)) * x
    # (1 + grown)^4 - 1, without the cancellation that a difference of near ones would have.
    square = grown * (grown + _F(2.0))
    fourth = square * (square + _F(2.0))
    return fourth / ((fourth + _F(1.0)) * _F(4.0) * x)


@njit(inline="always", error_model="numpy")
def luma_of(r: Any, g: Any, b: Any) -> Any:
    return _F(0.2126) * r + _F(0.7152) * g + _F(0.0722) * b
