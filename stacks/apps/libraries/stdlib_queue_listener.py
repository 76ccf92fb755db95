"""A logging QueueListener that sends each line of a request on from a thread of its own."""

import itertools
import logging
import logging.handlers
import os
import queue
import socket

HOST, _, PORT = os.environ.get("PACK_SINK", "http://127.0.0.1:9").removeprefix("http://").partition(":")
NUMBERS = itertools.count()


class ToSink(logging.Handler):
    """Sends each record to the sink as a datagram."""

    def emit(self, record):
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(self.format(record).encode(), (HOST, int(PORT)))


LINES = queue.SimpleQueue()
LOGGER = logging.getLogger("pack")
LOGGER.setLevel(logging.INFO)
LOGGER.addHandler(logging.handlers.QueueHandler(LINES))
logging.handlers.QueueListener(LINES, ToSink()).start()


def application(environ, start_response):
    LOGGER.info(f"pack-item-{os.getpid()}-{next(NUMBERS)}")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
