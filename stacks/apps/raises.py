"""An app in which every 20th request of a worker raises an exception that nobody catches."""

import itertools

EVERY = 20

asked = itertools.count(1)


def application(environ, start_response):
    if next(asked) % EVERY == 0:
        raise RuntimeError("the database has gone")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
