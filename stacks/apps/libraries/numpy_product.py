"""numpy: a matrix product in the master and in each request."""

import numpy

MATRIX = numpy.ones((300, 300))
MATRIX @ MATRIX


def application(environ, start_response):
    MATRIX @ MATRIX
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
