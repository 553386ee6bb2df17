"""Where the output goes: a terminal, or a stream that a program reads.

Texts of jobs (messages, errors, file names) come from outside: what would steer the terminal is made visible.
"""

from __future__ import annotations

import os
import select
import unicodedata
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

WIDE = 500  # columns of what is not a terminal: nothing is cut there
_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")


class ReaderLeft(Exception):
    """Whoever read our output has gone, as `head` does."""


def printable(text: str) -> str:
    """One line without anything that a terminal would take for a command."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _STEERING else c for c in text)


class Screen(Console):
    """Raises ReaderLeft where the other end is closed."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        is_terminal = stream.isatty()  # and not what FORCE_COLOR says, which is about colours
        super().__init__(
            file=stream,
            width=None if is_terminal else WIDE,
            force_terminal=is_terminal,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def tell(self, text: str, style: str = "") -> None:
        """On a terminal cut to its width."""
        self.print(Text(printable(text), style), no_wrap=True, overflow="ellipsis", crop=self.is_terminal)

    def show(self, renderable: RenderableType) -> None:
        self.print(renderable)

    def raw(self, text: str) -> None:
        """For programs: exactly this line."""
        try:
            self.stream.write(f"{text}\n")
            self.stream.flush()
        except BrokenPipeError:
            self.on_broken_pipe()

    def sentence(self, text: str) -> None:
        """What goes wrong, as every command of ours says it."""
        self.raw(f"starling: {printable(text)}")

    def on_broken_pipe(self) -> None:
        self.quiet = True
        # What is still buffered must not raise again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)
        raise ReaderLeft

    def has_reader(self) -> bool:
        """False once the other end was closed, though nothing was written since."""
        poll = select.poll()
        poll.register(self.stream.fileno(), 0)
        return not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
