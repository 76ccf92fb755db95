"""An app with a thread pool that is used at import and in each request. Its threads exist only where the import ran."""

from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(4)
list(pool.map(str, range(8)))  # the pool starts its threads when it is first used


def application(environ, start_response):
    body = pool.submit(bytes, b"ok\n").result()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [body]
