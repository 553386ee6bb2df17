"""Light: what a mix of stems depends on beside their bytes and gains."""

from __future__ import annotations

MIX_VERSION = 1
"""Of the code that mixes: another one may give other bytes, so what is answered again depends on it."""
