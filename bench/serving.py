"""How the server feels while it works: small queries during a render, the first progress, the start.

python -m bench.serving --seconds 30 --starts 5
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

from app.demo.api import Api
from app.demo.film import CREATE, RENDER
from app.demo.server import running_server
from app.demo.song import UPLOAD
from app.demo.watching import WATCH
from app.settings import Settings
from bench import groove
from bench.measure import percentile
from bench.report import Row, options, publish, table

SMALL_QUERY = "{ queueStats { pending processing completed failed cancelled workers } }"
PAUSE_SECONDS = 0.01
READY_SECONDS = 180.0


async def first_answer(url: str) -> None:
    async with Api(url) as api:
        await api.run(SMALL_QUERY)


async def ready(api: Api) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not await api.is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError("no worker became ready")
        await asyncio.sleep(0.05)


async def queried(api: Api, until: asyncio.Event) -> list[float]:
    """Milliseconds of small queries, one after the other, until the event."""
    took = []
    while not until.is_set():
        began = time.perf_counter()
        await api.run(SMALL_QUERY)
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE_SECONDS)
    return took


async def watched(api: Api, system: str, ended: asyncio.Event) -> float:
    """Submit a render and watch it to its end; seconds from the submit to the first progress."""
    began = time.perf_counter()
    job = (await api.run(RENDER, id=system, input={}))["renderParticleSystem"]["id"]
    first = None
    updates: Any = api.updates(WATCH, "jobUpdates", id=job)
    async with aclosing(updates):
        async for update in updates:
            if first is None and update["progress"] > 0:
                first = time.perf_counter() - began
            if update["status"] not in ("PENDING", "PROCESSING"):
                if update["status"] != "COMPLETED":
                    raise RuntimeError(f"the render ended as {update['status']}")
                break
    ended.set()
    if first is None:
        raise RuntimeError("no progress was ever told")
    return first


async def measured(url: str, song: Path, seconds: float) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of queries while idle and while a render runs, and seconds to the first progress."""
    async with Api(url) as api:
        audio = (await api.upload(UPLOAD, song))["uploadAsset"]["id"]
        await ready(api)
        idle = await _for_a_while(api, 3.0)
        busy: list[float] = []
        firsts = []
        for seed in range(1, 4):  # another seed: an identical render is answered at once
            config = {"seed": seed, "duration": seconds}
            made = {"particleType": "ENHANCED", "config": config, "audioId": audio}
            system = (await api.run(CREATE, input=made))["createParticleSystem"]["id"]
            ended = asyncio.Event()
            took, first = await asyncio.gather(queried(api, ended), watched(api, system, ended))
            busy += took
            firsts.append(first)
    return idle, busy, firsts


async def _for_a_while(api: Api, seconds: float) -> list[float]:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, over.set)
    return await queried(api, over)


def main() -> None:
    chosen = options(__doc__, seconds=30, starts=5)
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        settings = Settings(home=Path(name))
        song = Path(name) / "song.wav"
        groove.write(song)
        with running_server(settings) as server:
            idle, busy, firsts = asyncio.run(measured(server.address(), song, float(chosen.seconds)))
        starts = []
        for _ in range(chosen.starts):
            began = time.perf_counter()
            with running_server(settings) as server:
                asyncio.run(first_answer(server.address()))
                starts.append(time.perf_counter() - began)
    rows: list[Row] = [
        ["small query, idle, p50", f"{percentile(idle, 0.5):.1f} ms", ""],
        ["small query, idle, p99", f"{percentile(idle, 0.99):.1f} ms", ""],
        ["small query during a render, p50", f"{percentile(busy, 0.5):.1f} ms", ""],
        ["small query during a render, p99", f"**{percentile(busy, 0.99):.1f} ms**", "50 ms"],
        ["submit to the first progress, warm worker", f"**{max(firsts):.2f} s**", "1.5 s"],
        ["start to the first answer, existing home", f"**{statistics.median(starts):.2f} s**", "4 s"],
    ]
    publish(
        "serving",
        "Serving while it works",
        f"python -m bench.serving --seconds {chosen.seconds} --starts {chosen.starts}",
        f"{len(busy):,} queries during three 1080p30 renders of {chosen.seconds} s on the same two cores;"
        f" the slowest of three first events; the median of {chosen.starts} starts.",
        table(["what", "measured", "limit"], rows),
    )


if __name__ == "__main__":
    main()
