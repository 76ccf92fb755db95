"""pyarrow: a table that is sorted in the master and in each request."""

import pyarrow
import pyarrow.compute

NUMBERS = pyarrow.array(range(100_000))
pyarrow.compute.sum(NUMBERS)


def application(environ, start_response):
    pyarrow.compute.sum(NUMBERS)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
