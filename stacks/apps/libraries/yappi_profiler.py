"""yappi: the profiler runs from the import on."""

import yappi

yappi.start()


def application(environ, start_response):
    len(yappi.get_func_stats())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
