"""Sends the metrics to an OpenTelemetry endpoint. It needs the extra `otel` of the pack.

The values are those of `/metrics`: each family becomes an observable instrument of the same name, and a histogram
becomes its count and its sum, because an observable histogram does not exist in OpenTelemetry.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from stacks.catalogue.usage_error import UsageError

EVERY_S = 15.0  # as Prometheus scrapes by default in its example configuration
COMPLAIN_S = 60.0
LIMIT_S = 5.0  # for the last export, when the watching ends
INSTALL = "it needs OpenTelemetry: .venv/bin/uv sync --locked --extra otel"


class _Complaints(logging.Handler):
    """Turns the errors that OpenTelemetry logs into one sentence a minute."""

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._url, self._say = url, say
        self._due_s = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + COMPLAIN_S
            self._say(f"OTLP={self._url}: {record.getMessage()[:200]}")


class Otlp:
    """Exports a snapshot of the metrics from a thread. The loop makes the snapshot, since the pictures are its own."""

    def __init__(self, url: str, metrics: Collector, say: Callable[[str], None]) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"OTLP={url} is not a URL such as http://HOST:4318/v1/metrics")
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise UsageError(f"OTLP={url}: {INSTALL} ({error})") from None
        logger = logging.getLogger("opentelemetry")
        logger.propagate = False
        logger.addHandler(_Complaints(url, say))
        self._metrics = metrics
        self._lock = threading.Lock()
        self._snapshot: dict[str, Metric] = {}
        self._due_s = 0.0
        exporter = OTLPMetricExporter(endpoint=url)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=EVERY_S * 1000)
        resource = Resource.create({"service.name": "uwsgi-watch"})
        self._provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
        self._meter = self._provider.get_meter("uwsgi-respawn-pack")
        self._known: set[str] = set()

    def take(self) -> None:
        """Make a snapshot if the last one is old."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + EVERY_S
        snapshot = {family.name: family for family in self._metrics.collect()}
        with self._lock:
            self._snapshot = snapshot
        for family in snapshot.values():
            for suffix, make in self._instruments(family):
                if f"{family.name}{suffix}" not in self._known:
                    self._known.add(f"{family.name}{suffix}")
                    make(f"{family.name}{suffix}", [self._observer(family.name, suffix)], family.unit)

    def _instruments(self, family: Metric) -> Iterable[tuple[str, Callable[..., object]]]:
        """Return the instruments of a family: a suffix of its samples' names, and what makes the instrument."""
        counter, gauge = self._meter.create_observable_counter, self._meter.create_observable_gauge
        if family.type == "histogram":
            return [("_count", counter), ("_sum", counter)]
        return [("_total", counter)] if family.type == "counter" else [("", gauge)]

    def _observer(self, name: str, suffix: str) -> Callable[[Any], Iterable[Any]]:
        from opentelemetry.metrics import Observation

        def observe(_options: Any) -> list[Observation]:
            with self._lock:
                family = self._snapshot.get(name)
            samples = family.samples if family is not None else []
            return [Observation(float(one.value), dict(one.labels)) for one in samples if one.name == f"{name}{suffix}"]

        return observe

    def close(self) -> None:
        """Send what there is, and end the thread."""
        self._provider.shutdown(timeout_millis=LIMIT_S * 1000)
