"""Expected reasons not to start. Each message is a whole sentence for the person who typed the command."""

from __future__ import annotations


class DoesNotStart(RuntimeError):
    """A part of Starling cannot start, or ended before it answered."""
