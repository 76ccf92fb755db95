"""pyinstrument: a profile of each request."""

from pyinstrument import Profiler


def application(environ, start_response):
    with Profiler() as profiler:
        pass
    profiler.output_text()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
