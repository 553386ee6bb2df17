"""What crosses the socket between a pool and one child: length-prefixed frames of pickled plain values.

A child decodes media that strangers sent, so what comes back from it is read by a restricted unpickler:
plain values, errors, enums and dataclasses, found in `render` or in a module that the reader has already
loaded. Nothing that is sent can name another callable.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import importlib
import io
import pickle
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

HEADER = struct.Struct("!I")
MAX_FRAME_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Sandbox:
    """The limits of a child that decodes what strangers sent."""

    address_space_bytes: int = 4 * 1024**3
    cpu_seconds: int = 30  # for one call
    file_bytes: int = 256 * 1024**2
    open_files: int = 64


@dataclass(frozen=True)
class Setup:
    """The first frame that a child receives."""

    nice: int
    warm: str | None
    sandbox: Sandbox | None


_PLAIN = {
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "complex"),
    ("builtins", "bytearray"),
    ("pathlib", "PosixPath"),
    ("uuid", "UUID"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("fractions", "Fraction"),
}


class NotPlain(pickle.UnpicklingError):
    """A well-formed value that names what may not come out of a child."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module == "builtins":
            found = getattr(builtins, name, None)
        elif module.startswith("render."):
            found = getattr(importlib.import_module(module), name, None)
        else:
            found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and (
            issubclass(found, (BaseException, enum.Enum)) or dataclasses.is_dataclass(found)
        ):
            return found
        raise NotPlain(f"{module}.{name} may not come out of a child")


def loads_plain(data: bytes) -> Any:
    """Unpickle what a child sent. Raises NotPlain, or what unpickling of garbage raises."""
    return _PlainUnpickler(io.BytesIO(data)).load()


def frame(value: Any) -> bytes:
    """The bytes of one frame. Raises ValueError when it is too large for the wire."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    if len(data) > MAX_FRAME_BYTES:
        raise ValueError(f"{len(data)} bytes do not fit a frame of {MAX_FRAME_BYTES}; pass a file instead")
    return HEADER.pack(len(data)) + data


def receive(sock: socket.socket) -> Any:
    """One frame from the trusted side, blocking. Raises EOFError when it has hung up."""
    (length,) = HEADER.unpack(_exactly(sock, HEADER.size))
    return pickle.loads(_exactly(sock, length))  # noqa: S301 - the pool is our own parent process


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
