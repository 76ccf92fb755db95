"""elastic-apm: a Client, and a transaction a request."""

import itertools
import os

import elasticapm

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
NUMBERS = itertools.count()
CLIENT = elasticapm.Client(
    service_name="pack", server_url=SINK, central_config=False, cloud_provider="none", api_request_time="500ms"
)


def application(environ, start_response):
    CLIENT.begin_transaction("request")
    CLIENT.end_transaction(f"pack-item-{os.getpid()}-{next(NUMBERS)}", "ok")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
