"""An app that waits 0.1 s for its backend; with `pyargv = slow-every=50` every 50th request of a worker waits 3 s."""

import itertools
import sys
import time

USUAL_S = 0.1
SLOW_S = 3.0  # below the clients' timeout
# Not from the environment: with pyuwsgi `env =` comes too late for os.environ.
SLOW_EVERY = next((int(word.removeprefix("slow-every=")) for word in sys.argv if word.startswith("slow-every=")), None)

asked = itertools.count(1)


def application(environ, start_response):
    is_slow = SLOW_EVERY is not None and next(asked) % SLOW_EVERY == 0
    time.sleep(SLOW_S if is_slow else USUAL_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
