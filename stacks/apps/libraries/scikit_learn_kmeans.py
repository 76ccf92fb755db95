"""scikit-learn: KMeans fitted in the master, and again in each request."""

import numpy
from sklearn.cluster import KMeans

POINTS = numpy.random.default_rng(1).random((2000, 4))


def work():
    return KMeans(4, n_init=1, max_iter=3).fit(POINTS)


work()


def application(environ, start_response):
    work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
