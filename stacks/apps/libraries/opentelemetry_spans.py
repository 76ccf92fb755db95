"""OpenTelemetry: a BatchSpanProcessor that exports over OTLP/HTTP, and a span a request."""

import itertools
import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
NUMBERS = itertools.count()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(
    BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{SINK}/v1/traces"), schedule_delay_millis=500)
)
TRACER = PROVIDER.get_tracer("pack")


def application(environ, start_response):
    with TRACER.start_as_current_span(f"pack-item-{os.getpid()}-{next(NUMBERS)}"):
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
