"""Two curves that every sample needs, by polynomials: exact enough to be heard as themselves, at a part of
the cost.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def saturated(x: Any) -> Any:
    """Soft clipping: the [3/2] Padé approximant of tanh, which is 1 at 3; beyond it stays there."""
    if x > 3.0:
        return 1.0
    if x < -3.0:
        return -1.0
    return x * (27.0 + x * x) / (27.0 + 9.0 * x * x)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def sine(turns: Any) -> Any:
    """The sine of an angle in whole turns: the Taylor series to the ninth power, folded; its error is below
    4e-6.
    """
    u = turns - math.floor(turns + 0.5)
    if u > 0.25:
        u = 0.5 - u
    elif u < -0.25:
        u = -0.5 - u
    x = 6.283185307179586 * u
    s = x * x
    return x * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))))
