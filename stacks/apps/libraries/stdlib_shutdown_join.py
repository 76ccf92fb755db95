"""A thread that is no daemon and is started at import: Python joins it at the exit of the master and of each worker."""

import threading

STOP = threading.Event()
threading.Thread(target=STOP.wait, name="not-a-daemon").start()


def application(environ, start_response):
    STOP.is_set()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
