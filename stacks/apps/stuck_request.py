"""An app in which every 20th request of a worker waits for a backend that does not answer."""

import itertools
import time

EVERY = 20
NEVER_S = 600

asked = itertools.count(1)


def application(environ, start_response):
    if next(asked) % EVERY == 0:
        time.sleep(NEVER_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
