"""What the demo says when it cannot go on."""

from __future__ import annotations


class DemoError(Exception):
    """The message is one sentence for the person at the terminal."""
