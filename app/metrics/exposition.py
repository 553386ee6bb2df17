"""From numbers to Prometheus' families, and the route `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, PlatformCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.metrics.families import COMMON, OF_API, OF_WORKERS
from app.metrics.process import OF_PROCESS, STARTED, process_counted
from app.metrics.reading import FromDatabase, Reader, Reading
from app.metrics.siblings import Counted, Place, Siblings
from app.settings import Settings
from domain.jobs import KINDS
from domain.ports import Services
from domain.tallies import BEYOND, SUM, Counter, Family, Histogram, Series, Tallies

Numbers = Mapping[Series, float]
Extra = Mapping[str, str]  # labels beside the family's own


def metrics_routes() -> list[Route]:
    return [Route("/metrics", metrics)]


async def metrics(request: Request) -> Response:
    exposition: Exposition = request.state.exposition
    return await exposition.answer(request.headers.get("accept", ""))


@asynccontextmanager
async def exposed(
    services: Services, settings: Settings, place: Place | None = None
) -> AsyncIterator[Exposition]:
    """What `/metrics` answers while the block runs; with a place, together with the processes beside it."""
    if place is None:
        yield Exposition(services, settings)
        return
    siblings = Siblings(place, lambda: own(services.tallies))
    async with siblings.kept():
        yield Exposition(services, settings, siblings)


class Exposition:
    """What `/metrics` of one application answers. Use `exposed`."""

    def __init__(self, services: Services, settings: Settings, siblings: Siblings | None = None) -> None:
        self._tallies = services.tallies
        self._siblings = siblings
        self._reader = Reader(settings.redis_url or "")
        self._platform = PlatformCollector(registry=None)

    async def answer(self, accept: str) -> Response:
        """Always a 200: what is away is said by `starling_database_up` and `starling_redis_up`."""
        reading, counted = await asyncio.gather(self._reader.read(), self._counted())
        registry = CollectorRegistry(support_collectors_without_names=True)
        families = [*self._platform.collect(), *_of_process(counted), *shown(counted, reading)]
        registry.register(_Scrape(families))
        encode, content_type = choose_encoder(accept)
        return Response(encode(registry), media_type=None, headers={"Content-Type": content_type})

    async def _counted(self) -> Counted:
        return await (own(self._tallies) if self._siblings is None else self._siblings.together())


async def own(tallies: Tallies) -> Counted:
    """What this process has counted."""
    totals, levels = tallies.totals(), tallies.levels()
    process = await asyncio.to_thread(process_counted)
    return Counted({**totals, **process.totals}, {**levels, **process.levels}, process.began)


class _Scrape(Collector):
    """The families of one scrape, for an encoder that wants a registry."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        return self._families


def _of_process(counted: Counted) -> Iterator[Metric]:
    numbers = {**counted.totals, **counted.levels, (STARTED.name,): counted.began}
    for family in (*OF_PROCESS, STARTED):
        yield _family(family, [({}, numbers)])


def shown(counted: Counted, reading: Reading) -> Iterator[Metric]:
    numbers: dict[Series, float] = {**counted.totals, **counted.levels}
    yield _gauge(
        "starling_database_up", "1 where the database answered this scrape", reading.database is not None
    )
    yield _gauge("starling_redis_up", "1 where Redis answered this scrape", reading.redis_is_up)
    for family in OF_API:
        yield _family(family, [({}, numbers)])
    everywhere: list[tuple[Extra, Numbers]] = [({"process": "api"}, numbers)]
    if reading.database is not None:
        everywhere.append(({"process": "worker"}, reading.database.totals))
    for family in COMMON:
        yield _family(family, everywhere, extra=("process",))
    if reading.database is not None:
        yield from _of_database(reading.database)


def _of_database(found: FromDatabase) -> Iterator[Metric]:
    for family in OF_WORKERS:
        yield _family(family, [({}, found.totals)])
    yield from _queue(found)
    yield from _workers(found)
    yield _gauge(
        "starling_webhook_deliveries_pending",
        "Ends of jobs that their callback URL is still to be told",
        found.untold_ends,
    )


def _queue(found: FromDatabase) -> Iterator[Metric]:
    """A kind that nothing waits of is a 0, not a gap: alerts want to see it fall."""
    kinds = sorted({*KINDS, *found.queue})
    columns = {
        "due": GaugeMetricFamily("starling_jobs_due", "Jobs that wait and could run now", labels=["kind"]),
        "delayed": GaugeMetricFamily(
            "starling_jobs_delayed",
            "Jobs that wait for their time, as after a failure",
            labels=["kind"],
        ),
        "processing": GaugeMetricFamily("starling_jobs_processing", "Jobs that run", labels=["kind"]),
        "oldest_due_seconds": GaugeMetricFamily(
            "starling_jobs_oldest_due_age_seconds", "How long the oldest due job has waited", labels=["kind"]
        ),
    }
    for column, metric in columns.items():
        for kind in kinds:
            metric.add_metric([kind], getattr(found.queue.get(kind), column, 0))
        yield metric


def _workers(found: FromDatabase) -> Iterator[Metric]:
    yield _gauge("starling_workers", "Workers that gave a sign of life lately", len(found.live_workers))
    columns: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "slots": GaugeMetricFamily("starling_worker_slots", "Jobs that it runs at a time", labels=["worker"]),
        "running": GaugeMetricFamily("starling_worker_running_jobs", "Jobs that it runs", labels=["worker"]),
        "unseen_seconds": GaugeMetricFamily(
            "starling_worker_unseen_seconds", "Seconds since its last sign of life", labels=["worker"]
        ),
        "memory_bytes": GaugeMetricFamily(
            "starling_worker_resident_memory_bytes", "Memory of it and its children", labels=["worker"]
        ),
        "cpu_seconds": CounterMetricFamily(
            "starling_worker_cpu_seconds_total", "Processor time of it and its children", labels=["worker"]
        ),
    }
    for column, metric in columns.items():
        for row in found.live_workers:
            metric.add_metric([row.worker], getattr(row, column))
        yield metric


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _family(family: Family, sources: Sequence[tuple[Extra, Numbers]], extra: tuple[str, ...] = ()) -> Metric:
    """One family with the series of each source, told apart by that source's own labels."""
    names = [*family.labels, *extra]
    if isinstance(family, Histogram):
        return _histogram(family, sources, names)
    metric: CounterMetricFamily | GaugeMetricFamily
    if isinstance(family, Counter):
        metric = CounterMetricFamily(family.name, family.text, labels=names)
    else:
        metric = GaugeMetricFamily(family.name, family.text, labels=names)
    for own_labels, numbers in sources:
        if not family.labels:  # there is only this one, so nothing yet is a 0
            numbers = {(family.name,): 0.0, **numbers}
        for series, number in sorted(_series_of(family, numbers)):
            metric.add_metric([*series[1:], *(own_labels[name] for name in extra)], number)
    return metric


def _histogram(family: Histogram, sources: Sequence[tuple[Extra, Numbers]], names: list[str]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=names)
    for own_labels, numbers in sources:
        observed: dict[Series, dict[str, float]] = {}
        for series, number in _series_of(family, numbers):
            observed.setdefault(series[1:-1], {})[series[-1]] = number
        for labels, found in sorted(observed.items()):
            total = found.pop(SUM, 0.0)
            metric.add_metric([*labels, *own_labels.values()], _cumulated(family, found), total)
    return metric


def _cumulated(family: Histogram, found: Mapping[str, float]) -> list[tuple[str, float]]:
    """Buckets as Prometheus wants them. A bound that only another version has counts where it belongs."""
    bounds = sorted({*map(str, family.buckets), *found, BEYOND}, key=float)
    so_far, buckets = 0.0, []
    for bound in bounds:
        so_far += found.get(bound, 0.0)
        buckets.append((bound, so_far))
    return buckets


def _series_of(family: Family, numbers: Numbers) -> Iterator[tuple[Series, float]]:
    """Those of the family that have its labels: a worker of another version may have had others."""
    parts = 1 + len(family.labels) + isinstance(family, Histogram)
    return ((series, n) for series, n in numbers.items() if series[0] == family.name and len(series) == parts)
