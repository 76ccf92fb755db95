"""An app in which every 20th request of a worker reads from address 0, as a broken C extension does."""

import ctypes
import itertools

EVERY = 20

request_numbers = itertools.count(1)


def application(environ, start_response):
    if next(request_numbers) % EVERY == 0:
        ctypes.string_at(0)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
