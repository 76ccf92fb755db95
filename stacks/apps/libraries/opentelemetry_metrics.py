"""OpenTelemetry: a PeriodicExportingMetricReader that exports every second over OTLP/HTTP."""

import os

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
EXPORTER = OTLPMetricExporter(endpoint=f"{SINK}/v1/metrics")
READER = PeriodicExportingMetricReader(EXPORTER, export_interval_millis=1000)
COUNTER = MeterProvider(metric_readers=[READER]).get_meter("pack").create_counter("requests")


def application(environ, start_response):
    COUNTER.add(1)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
