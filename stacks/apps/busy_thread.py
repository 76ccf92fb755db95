"""An app whose import starts a thread that is busy half of the time, as an exporter or an agent does."""

import threading
import time

PERIOD_S = 0.02  # half of it busy; the GIL changes hands every 5 ms


def burn():
    while True:
        until = time.perf_counter() + PERIOD_S / 2
        while time.perf_counter() < until:
            pass
        time.sleep(PERIOD_S / 2)


threading.Thread(target=burn, daemon=True).start()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
