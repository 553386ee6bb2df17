"""The versions of what is heard in audio, for cache keys. Light: imports nothing."""

from __future__ import annotations

FEATURES_VERSION = 1
"""Raised whenever the same audio would give other features."""

ANALYSIS_VERSION = 2
"""Raised whenever the same audio would give another analysis."""
