"""bugsnag: configured at import, and a notification a request."""

import itertools
import os

import bugsnag

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
NUMBERS = itertools.count()
bugsnag.configure(
    api_key="0" * 32, endpoint=SINK, session_endpoint=SINK, auto_capture_sessions=False, asynchronous=True
)


def application(environ, start_response):
    bugsnag.notify(RuntimeError(f"pack-item-{os.getpid()}-{next(NUMBERS)}"))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
