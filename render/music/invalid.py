"""What is refused before anything is composed. Light."""

from __future__ import annotations


class InvalidParameter(ValueError):
    """A value that no piece can be made from. Two arguments: the field's name, and a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field, sentence)
        self.field = field
        self.sentence = sentence

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}"
