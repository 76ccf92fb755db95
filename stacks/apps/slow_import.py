"""An app that takes 15 s to import, as one that waits for a service does: no CPU is used meanwhile."""

import time

time.sleep(15)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
