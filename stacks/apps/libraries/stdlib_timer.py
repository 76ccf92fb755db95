"""A threading.Timer that starts the next one every 0.05 s."""

import threading

TICKS = [0]


def tick():
    TICKS[0] += 1
    timer = threading.Timer(0.05, tick)
    timer.daemon = True
    timer.start()


tick()


def application(environ, start_response):
    TICKS[0]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
