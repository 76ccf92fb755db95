"""An app with a thread that waits for work and is not a daemon, so that Python waits for the thread at its exit."""

import queue
import threading

work = queue.SimpleQueue()


def serve():
    while True:
        work.get()


threading.Thread(target=serve).start()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
