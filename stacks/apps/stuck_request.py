"""An app in which every 20th request of a worker waits for a backend that does not answer.

With `pyargv = once` only the 20th request of a worker waits.
"""

import itertools
import sys
import time

EVERY = 20
NEVER_S = 600

request_numbers = itertools.count(1)


def application(environ, start_response):
    number = next(request_numbers)
    if number == EVERY or (number % EVERY == 0 and "once" not in sys.argv):
        time.sleep(NEVER_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
