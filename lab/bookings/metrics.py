"""What Prometheus may ask of one instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from .database import Database

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 5.0)


class PoolFigures(Collector):
    """The connection pool at the moment of asking."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per figure; the unit is connections, or requests for `waiting`."""
        for name, value in self._database.pool.figures().items():
            yield GaugeMetricFamily(f"bookings_pool_{name}", f"Database pool: {name}", value=value)


class Metrics:
    """Counters of one instance."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(PoolFigures(database))
        ProcessCollector(registry=self._registry)
        self._requests = Counter("bookings_requests", "Requests answered", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "bookings_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=self._registry
        )
        self.indeterminate = Counter(
            "bookings_indeterminate", "Writes whose fate was not known", registry=self._registry
        )

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
