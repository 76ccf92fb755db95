"""An app that computes for 10 ms in each request and waits for nothing."""

import time

BUSY_S = 0.01


def application(environ, start_response):
    until = time.thread_time() + BUSY_S
    while time.thread_time() < until:
        pass
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
