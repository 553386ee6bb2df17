from __future__ import annotations


class EngineError(RuntimeError):
    """An embedded engine cannot run here. The message is a whole sentence that says what to do."""
