"""A ThreadPoolExecutor that is used at import and again in each request."""

from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(4)
list(POOL.map(str, range(8)))  # starts its threads


def application(environ, start_response):
    POOL.submit(str, 1).result()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
