"""An app that keeps 2 MB of every request, like an app whose cache has no limit."""

KEPT = []
BYTES = 2 << 20


def application(environ, start_response):
    KEPT.append(b"x" * BYTES)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
