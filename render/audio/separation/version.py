"""The version of the separation, for cache keys, and the names of its stems. Light: imports nothing."""

from __future__ import annotations

SEPARATION_VERSION = 1
"""Raised whenever the same mix would give other stems."""
STEMS = ("drums", "bass", "vocals", "other")
