"""A terminal of a test's own: a program runs on a pty, and what it draws is kept as a person would see it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|(\r)|(\n)|([^\x1b\r\n]+)", re.DOTALL)


class Screen:
    """The lines of a terminal, as far as our programs steer it: colours are left out."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._lines = [""]
        self._row = self._column = 0
        self.is_cursor_shown = True

    def feed(self, text: str) -> None:
        for part in _PART.finditer(text):
            numbers, letter, back, down, plain = part.groups()
            if letter is not None:
                self._steer(numbers, letter)
            elif back:
                self._column = 0
            elif down:
                self._row += 1
                self._column = 0
            elif plain:
                self._write(plain)

    def _steer(self, numbers: str, letter: str) -> None:
        match letter:
            case "A":
                self._row = max(0, self._row - int(numbers or 1))
            case "K":
                self._line("" if numbers == "2" else self._lines[self._row][: self._column])
            case "h" | "l" if numbers == "?25":
                self.is_cursor_shown = letter == "h"
            case "m":
                pass
            case _:
                raise AssertionError(f"the test's terminal does not know ESC[{numbers}{letter}")

    def _write(self, text: str) -> None:
        line = self._lines[self._row] if self._row < len(self._lines) else ""
        line = line.ljust(self._column)
        self._line(line[: self._column] + text + line[self._column + len(text) :])
        self._column += len(text)
        assert self._column <= self._columns, f"a line is wider than the terminal: {line + text!r}"

    def _line(self, text: str) -> None:
        while len(self._lines) <= self._row:
            self._lines.append("")
        self._lines[self._row] = text

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines).rstrip()


class Terminal:
    """A program on a pty. `frames` are the different pictures that it has shown."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int, columns: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.screen = Screen(columns)
        self.frames: list[str] = []

    def read(self, seconds: float) -> bool:
        """Draw what comes within that time; False once the program has closed its end."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.descriptor, 65_536)
        except OSError:  # Linux says so when the last writer is gone
            return False
        self.screen.feed(data.decode(errors="replace"))
        if not self.frames or self.frames[-1] != self.screen.text():
            self.frames.append(self.screen.text())
        return bool(data)

    def until(self, holds: Callable[[str], bool], seconds: float = 30.0) -> str:
        """The picture once it holds."""
        deadline = time.monotonic() + seconds
        while not holds(self.screen.text()):
            is_open = self.read(0.1)
            assert is_open or holds(self.screen.text()), f"it ended with:\n{self.screen.text()}"
            assert time.monotonic() < deadline, f"after {seconds} s:\n{self.screen.text()}"
        return self.screen.text()

    def end(self, seconds: float = 30.0) -> int:
        """Draw until the program ends; its exit code."""
        deadline = time.monotonic() + seconds
        while self.read(0.1):
            assert time.monotonic() < deadline, f"still running:\n{self.screen.text()}"
        return self.process.wait(seconds)


@contextmanager
def on_terminal(
    command: Sequence[str], environment: Mapping[str, str], *, columns: int = 100, rows: int = 24
) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    given = {**environment, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES"):  # of the terminal that the tests were started from
        given.pop(name, None)
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=given, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, columns)
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)
