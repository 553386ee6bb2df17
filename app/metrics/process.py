"""What `/metrics` says of the process itself, under the names that Prometheus' own libraries use."""

from __future__ import annotations

from prometheus_client import ProcessCollector

from app.metrics.siblings import Counted
from domain.tallies import Counter, Level

STARTED = Level("process_start_time_seconds", "When the oldest API process began, in Unix seconds")
OF_PROCESS = (
    Counter("process_cpu_seconds_total", "Processor time, in seconds"),
    Level("process_resident_memory_bytes", "Resident memory"),
    Level("process_virtual_memory_bytes", "Virtual memory"),
    Level("process_open_fds", "Open file descriptors"),
    Level("process_max_fds", "How many file descriptors may be open"),
)

_COLLECTOR = ProcessCollector(registry=None)


def process_counted() -> Counted:
    """Of this process; blocking, and the longer the more files are open."""
    found = {sample.name: sample.value for metric in _COLLECTOR.collect() for sample in metric.samples}
    of = {family: found[family.name] for family in OF_PROCESS if family.name in found}
    return Counted(
        totals={(family.name,): value for family, value in of.items() if isinstance(family, Counter)},
        levels={(family.name,): value for family, value in of.items() if isinstance(family, Level)},
        began=found.get(STARTED.name, 0.0),
    )
