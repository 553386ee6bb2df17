"""Names as GraphQL clients know them."""

from __future__ import annotations

import re


def camel(name: str) -> str:
    """`enhanced_mode.threshold` is `enhancedMode.threshold`."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
