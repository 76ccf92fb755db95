"""datadog: DogStatsd with buffering, and a metric a request."""

import itertools
import os

from datadog.dogstatsd.base import DogStatsd

HOST, _, PORT = os.environ.get("PACK_SINK", "http://127.0.0.1:9").removeprefix("http://").partition(":")
NUMBERS = itertools.count()
STATSD = DogStatsd(host=HOST, port=int(PORT), disable_buffering=False, disable_telemetry=True)
STATSD.increment("imported")


def application(environ, start_response):
    STATSD.increment(f"pack-item-{os.getpid()}-{next(NUMBERS)}")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
