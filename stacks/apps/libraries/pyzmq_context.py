"""pyzmq: a context and a socket that are made at import."""

import zmq

SOCKET = zmq.Context.instance().socket(zmq.PUB)
SOCKET.bind("inproc://pack")


def application(environ, start_response):
    zmq.Context.instance()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
