"""An app whose import starts a thread that holds a lock half of the time. Its requests take the same lock."""

import threading
import time

# The thread sleeps while it holds the lock, as if it fetched data for a cache: so it hardly ever holds the GIL as well.
HELD_S = 0.3

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
