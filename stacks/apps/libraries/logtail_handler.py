"""logtail-python: a LogtailHandler, and a line a request."""

import itertools
import logging
import os

from logtail import LogtailHandler

SINK = os.environ.get("PACK_SINK", "http://127.0.0.1:9")
NUMBERS = itertools.count()
LOGGER = logging.getLogger("pack")
LOGGER.setLevel(logging.INFO)
LOGGER.addHandler(LogtailHandler(source_token=SINK, host=SINK, raise_exceptions=False))
LOGGER.info("the app is imported")


def application(environ, start_response):
    LOGGER.info(f"pack-item-{os.getpid()}-{next(NUMBERS)}")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
