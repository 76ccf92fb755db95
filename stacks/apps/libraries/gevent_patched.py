"""gevent: patch_all at import; a request starts a greenlet."""

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402 - patched first, as its documentation says


def application(environ, start_response):
    gevent.spawn(str, 1).get()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
