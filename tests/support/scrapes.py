"""Scrapes of `/metrics`, read as Prometheus reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """The samples of one scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, /, **labels: str) -> float:
        """0 where there is no such series (yet)."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def labels(self, name: str) -> list[dict[str, str]]:
        """Those of every series of that name."""
        return [dict(labels) for series, labels in self.samples if series == name]

    def __contains__(self, name: str) -> bool:
        return any(series == name for series, _ in self.samples)

    def __len__(self) -> int:
        return len(self.samples)


async def scrape(client: httpx.AsyncClient) -> Scrape:
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    return Scrape(response.text)


async def scrape_until(
    client: httpx.AsyncClient, holds: Callable[[Scrape], bool], seconds: float = 20.0
) -> Scrape:
    """Workers tell what they have counted every five seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds(found := await scrape(client)):
        assert asyncio.get_running_loop().time() < deadline, sorted(map(str, found.samples.items()))
        await asyncio.sleep(0.1)
    return found
