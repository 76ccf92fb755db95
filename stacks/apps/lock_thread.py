"""An app whose import starts a thread that holds a lock half of the time, and whose requests take the same lock."""

import threading
import time

HELD_S = 0.3  # asleep with the lock, as while it fetches what it keeps: so it hardly ever holds the GIL as well

lock = threading.Lock()


def refresh():
    while True:
        time.sleep(HELD_S)
        with lock:
            time.sleep(HELD_S)


threading.Thread(target=refresh, daemon=True).start()


def application(environ, start_response):
    with lock:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
