"""posthog: a client, and an event a request."""

import itertools
import os

from posthog import Posthog

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
NUMBERS = itertools.count()
CLIENT = Posthog("key", host=SINK, gzip=False, max_retries=0, flush_interval=0.5)


def application(environ, start_response):
    CLIENT.capture(f"pack-item-{os.getpid()}-{next(NUMBERS)}", distinct_id="pack")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
