"""Every family that this project shows, but for those about the process itself (`app.metrics.process`)."""

from __future__ import annotations

from app.events import UNSUBSCRIBED
from domain.jobs.tallies import CONFLATIONS
from domain.tallies import Family, Histogram, Level
from domain.webhooks import TRIES
from schema import tallies as graphql
from workers import tallies as workers

HTTP_SECONDS = Histogram(
    "starling_http_request_duration_seconds",
    "How long requests took until their answer began",
    ("method", "route", "status"),
)
OPEN_SOCKETS = Level("starling_open_sockets", "WebSockets that are open now", ("route",))

# Counted by API processes and by workers: told apart by the label `process`.
COMMON: tuple[Family, ...] = (workers.BELLS_RUNG, workers.BELLS_FAILED)
OF_API: tuple[Family, ...] = (HTTP_SECONDS, OPEN_SOCKETS, *graphql.FAMILIES, CONFLATIONS, UNSUBSCRIBED)
OF_WORKERS: tuple[Family, ...] = (*(family for family in workers.FAMILIES if family not in COMMON), TRIES)
