"""An app that takes 3 s to end, like an app that flushes its data to a backend."""

import atexit
import time

FLUSH_S = 3.0

atexit.register(time.sleep, FLUSH_S)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
