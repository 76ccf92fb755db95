"""An app whose import starts a thread that logs, and whose requests log as well, to a handler that takes a while."""

import logging
import threading
import time

WRITE_S = 0.1  # what a slow disk or a collector behind a socket takes; the handler holds its lock meanwhile
REST_S = 0.07  # no divisor of the second in which a master forks: the forks are to meet every phase of this


class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(WRITE_S)


log = logging.getLogger(__name__)
log.setLevel(logging.INFO)
log.addHandler(Slow())


def beat():
    while True:
        time.sleep(REST_S)
        log.info("still here")


threading.Thread(target=beat, daemon=True).start()


def application(environ, start_response):
    log.info("asked")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
