"""sentry-sdk: init, a message at import, and a message a request."""

import itertools
import os

import sentry_sdk

HOST, _, PORT = os.environ.get("PACK_SINK", "http://127.0.0.1:9").removeprefix("http://").partition(":")
NUMBERS = itertools.count()
sentry_sdk.init(dsn=f"http://key@{HOST}:{PORT}/1", send_client_reports=False)
sentry_sdk.capture_message("the app is imported")


def application(environ, start_response):
    sentry_sdk.capture_message(f"pack-item-{os.getpid()}-{next(NUMBERS)}")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
