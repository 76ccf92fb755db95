"""prometheus_client: start_http_server at import, and a counter that each request raises."""

from prometheus_client import Counter, start_http_server

REQUESTS = Counter("pack_requests", "requests")
start_http_server(0, addr="127.0.0.1")


def application(environ, start_response):
    REQUESTS.inc()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
