"""An app whose exit handler stops a thread and waits for its end, as the SDKs of tracers and schedulers do."""

import atexit
import threading

stop = threading.Event()
reporter = threading.Thread(target=stop.wait, name="reporter", daemon=True)
reporter.start()


@atexit.register
def finish():
    stop.set()
    reporter.join()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
