"""pyroscope-io: the profiler is configured at import."""

import os

import pyroscope

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
pyroscope.configure(application_name="pack", server_address=SINK)


def application(environ, start_response):
    with pyroscope.tag_wrapper({"page": "pack"}):
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
