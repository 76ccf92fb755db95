"""An app in which every 20th request of a worker raises an exception that the app does not catch."""

import itertools

EVERY = 20

request_numbers = itertools.count(1)


def application(environ, start_response):
    if next(request_numbers) % EVERY == 0:
        raise RuntimeError("the database has gone")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
