"""An app whose import starts a thread that is busy half of the time, like the thread of a metrics exporter.

`pyargv = duty=1` makes it busy all of the time.
"""

import sys
import threading
import time

PERIOD_S = 0.02  # half of it busy; longer than the 5 ms after which Python passes on the GIL
# An argument, not an environment variable: with pyuwsgi `env =` comes too late for os.environ.
DUTY = next((float(word.removeprefix("duty=")) for word in sys.argv if word.startswith("duty=")), 0.5)
BUSY_S = PERIOD_S * DUTY


def burn():
    while True:
        until = time.perf_counter() + BUSY_S
        while time.perf_counter() < until:
            pass
        if BUSY_S < PERIOD_S:
            time.sleep(PERIOD_S - BUSY_S)


threading.Thread(target=burn, daemon=True).start()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
