"""White noise by counting: sample k of a seed is a hash, so no generator has a state.

The hash is the finaliser of splitmix64 (Steele, Lea and Flood, 2014).
"""

from __future__ import annotations

from typing import Any

from numba import njit, uint64


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def white(seed: Any, number: Any) -> Any:
    """A value in -1..1."""
    z = uint64(seed) * uint64(0x9E3779B97F4A7C15) + uint64(number) * uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    z = z ^ (z >> uint64(31))
    return (z >> uint64(11)) * (2.0 / 9007199254740992.0) - 1.0
