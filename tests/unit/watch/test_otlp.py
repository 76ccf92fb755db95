"""The export to OpenTelemetry: what an endpoint receives has the names and values of /metrics."""

from __future__ import annotations

import http.server
import socket
import sys
import threading
from collections.abc import Iterator

import pytest
from instance_views import instance, worker

from stacks.catalogue.usage_error import UsageError
from stacks.watch.metrics import Metrics
from stacks.watch.otlp import Otlp
from stacks.watch.totals import Totals
from stacks.watch.view import HUNG, READY, Change


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint that keeps the bodies of its requests."""
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/metrics", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def metrics() -> Metrics:
    totals = Totals()
    totals.take([Change(1, READY, 100, 11, 1, "", {"start_s": 0.25})])
    return Metrics(lambda: [(instance(worker(1, 11), worker(2, 12, HUNG)), totals)])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the last export the time that it needs on a busy machine."""
    monkeypatch.setattr("stacks.watch.otlp.LIMIT_S", 60.0)


@pytest.mark.usefixtures("patient")
def test_an_endpoint_receives_the_values(endpoint: tuple[str, list[bytes]]) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    url, bodies = endpoint
    said: list[str] = []
    otlp = Otlp(url, metrics(), said.append)
    otlp.take()
    otlp.close()
    assert said == []
    request = ExportMetricsServiceRequest.FromString(bodies[-1])
    (resource,) = request.resource_metrics
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "uwsgi-watch"
    seen = {}
    for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
        for point in metric.gauge.data_points or metric.sum.data_points:
            labels = {label.key: label.value.string_value for label in point.attributes}
            seen[metric.name, labels.get("state") or labels.get("place") or labels.get("phase")] = point.as_double
    assert seen["uwsgi_workers", "hung"] == 1
    assert seen["uwsgi_workers_hung", "at_fork"] == 1
    assert seen["uwsgi_worker_respawn_seconds_sum", "start"] == 0.25
    assert seen["uwsgi_watch_cpu_seconds_total", None] > 0


@pytest.mark.usefixtures("patient")
def test_an_endpoint_that_does_not_answer_is_one_sentence() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1/metrics"
    said: list[str] = []
    otlp = Otlp(url, metrics(), said.append)
    otlp.take()
    otlp.close()
    assert len(said) == 1
    assert said[0].startswith(f"OTLP={url}: ")


def test_without_the_extra_or_a_url_it_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        Otlp("localhost:4318", metrics(), print)
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match="--extra otel"):
        Otlp("http://127.0.0.1:4318/v1/metrics", metrics(), print)
