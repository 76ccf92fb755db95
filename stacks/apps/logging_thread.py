"""An app whose import starts a thread that logs. Its requests log as well, to the same slow handler."""

import logging
import threading
import time

WRITE_S = 0.1  # like a slow disk or a log collector behind a socket; the handler holds its lock for this time
REST_S = 0.07  # not a divisor of 1 s, the period in which a master forks, so that forks meet the thread in every phase


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
