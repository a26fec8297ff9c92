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
    from .keyring import Keyring

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 5.0)


class PoolFigures(Collector):
    """The connection pool at the moment of asking."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per figure; the unit is connections, or requests for `waiting`."""
        for name, value in self._database.pool.figures().items():
            yield GaugeMetricFamily(f"bookings_pool_{name}", f"Database pool: {name}", value=value)


class KeyFigures(Collector):
    """Which secrets are in use at the moment of asking, by their ids; what they are is told to nobody."""

    def __init__(self, keyring: Keyring, database: Database) -> None:
        self._keyring, self._database = keyring, database

    def collect(self) -> Iterator[Metric]:
        """Yield 1 for each key in use, and for each file when the one in use was made."""
        keys = GaugeMetricFamily("bookings_key_in_use", "Keys in use, by id", labels=["kind", "id"])
        users = [("database", user) for user in self._database.pool.users()]
        for labels in (*users, *self._keyring.keys_in_use()):
            keys.add_metric(labels, 1)
        yield keys
        files = GaugeMetricFamily("bookings_secret_file_seconds", "When the file in use was made", labels=["file"])
        for name, made in self._keyring.files_in_use().items():
            files.add_metric([name], made)
        yield files


class Metrics:
    """Counters of one instance."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(PoolFigures(database))
        self._registry.register(KeyFigures(keyring, database))
        ProcessCollector(registry=self._registry)
        self._requests = Counter("bookings_requests", "Requests answered", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "bookings_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=self._registry
        )
        self.indeterminate = Counter(
            "bookings_indeterminate", "Writes whose fate was not known", registry=self._registry
        )

        self._key_used = Counter(
            "bookings_key_used", "What a key was accepted for, by id", ["kind", "id"], registry=self._registry
        )

    def note_key(self, kind: str, identity: str) -> None:
        """Count one token or payment that was accepted for this key: who is hurt if it is revoked."""
        self._key_used.labels(kind, identity).inc()

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
