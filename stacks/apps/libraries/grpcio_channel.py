"""grpcio: a channel that is made at import; a request asks nothing of it."""

import grpc

CHANNEL = grpc.insecure_channel("127.0.0.1:9")


def application(environ, start_response):
    CHANNEL.unary_unary("/pack/ask")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
