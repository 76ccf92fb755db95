"""An app that takes 15 s to import and uses no CPU meanwhile, like an app that waits for a service."""

import time

time.sleep(15)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
