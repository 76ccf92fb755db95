"""An app that waits 0.1 s for its backend in each request.

With `pyargv = slow-every=50 slow-s=3` it waits 3 s in every 50th request of a worker.
"""

import itertools
import sys
import time

USUAL_S = 0.1
# Arguments, not environment variables: with pyuwsgi `env =` comes too late for os.environ.
arguments = dict(word.split("=", 1) for word in sys.argv if "=" in word)
SLOW_S = float(arguments.get("slow-s", 3.0))  # shorter than the timeout of the clients
SLOW_EVERY = int(arguments.get("slow-every", 0))

request_numbers = itertools.count(1)


def application(environ, start_response):
    is_slow = SLOW_EVERY and next(request_numbers) % SLOW_EVERY == 0
    time.sleep(SLOW_S if is_slow else USUAL_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
