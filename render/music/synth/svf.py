"""The state variable filter, trapezoidal (Simper, "Solving the continuous SVF equations using trapezoidal
integration", 2013): 12 dB an octave, stable while it moves.

A filter is its coefficients and two numbers of state, which a kernel keeps in variables of its own.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ

_TINY = 1e-18  # keeps silence out of the denormal numbers, which are slow


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def tuned(hertz: Any, damping: Any) -> Any:
    """The coefficients for a corner; a damping of 2 is dull, 1.41 flat, near 0 it rings."""
    g = math.tan(math.pi * hertz / SAMPLE_RATE_HZ)
    a1 = 1.0 / (1.0 + g * (g + damping))
    return a1, g * a1, g * g * a1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def passed(x: Any, s1: Any, s2: Any, a1: Any, a2: Any, a3: Any) -> Any:
    """What is low, what is at the corner, and the new state; what is high is x - damping * corner - low."""
    v3 = x - s2
    v1 = a1 * s1 + a2 * v3
    v2 = s2 + a2 * s1 + a3 * v3
    return v2, v1, 2.0 * v1 - s1 + _TINY, 2.0 * v2 - s2
