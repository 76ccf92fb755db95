"""ddtrace: `import ddtrace.auto` and a span a request, without an agent."""

import ddtrace.auto  # noqa: F401
from ddtrace.trace import tracer


def application(environ, start_response):
    with tracer.trace("request"):
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
