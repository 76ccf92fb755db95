"""A server that counts the work that apps send: `python -m stacks.run.sink` runs until its standard input ends.

It listens on one loopback port for HTTP and for UDP, and looks in everything that comes for the words
`pack-item-PID-NUMBER` that the apps of `stacks/apps/libraries` send, one a request. Its first line of output is
`{"port": N}`, its last one `{"items": {"PID": COUNT, ...}}`: different items by the process that made them. It is a
process of its own, because the observer must not wait and Locust's processor is the load's.
"""

from __future__ import annotations

import gzip
import json
import re
import select
import socket
import sys
import threading
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
ITEM = re.compile(rb"pack-item-(\d+)-(\d+)")
MOST_BYTES = 64 << 20  # of one request
WAITING_BYTES = 4 << 20  # of datagrams, while this process waits for a CPU
PORT_TRIES = 20  # the port must be free for TCP and for UDP


class Items:
    """The different items that arrived, by the process that made them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[tuple[int, int]] = set()

    def take(self, data: bytes) -> None:
        """Note every item whose name stands in `data`."""
        found = {(int(pid), int(number)) for pid, number in ITEM.findall(data)}
        with self._lock:
            self._seen |= found

    def counts(self) -> dict[str, int]:
        """How many items each process delivered: {pid: count}."""
        with self._lock:
            return {str(pid): count for pid, count in sorted(Counter(pid for pid, _ in self._seen).items())}


def unpacked(data: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding; a body that cannot be unpacked is returned as it is."""
    try:
        if encoding == "gzip" or data[:2] == b"\x1f\x8b":
            return gzip.decompress(data)
        if encoding == "deflate":
            return zlib.decompress(data)
    except (OSError, EOFError, zlib.error):
        pass
    return data


def http_handler(items: Items) -> type[BaseHTTPRequestHandler]:
    """A handler that takes every request for `items` and answers 200 with an empty JSON object."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            """Take one request."""
            items.take(unpacked(self._body(), self.headers.get("Content-Encoding", "")))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_PUT = do_POST  # noqa: N815 - the names that http.server calls

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MOST_BYTES))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
                if len(body) > MOST_BYTES:
                    break
            self.rfile.readline()
            return body

        def log_message(self, *_arguments: object) -> None:
            """Write no log."""

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that ends in the middle of a request is no error of the sink."""


def open_both() -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket on the same free port. Raises OSError when none is found."""
    for _ in range(PORT_TRIES):
        stream = socket.create_server((HOST, 0), backlog=256)
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES)
        try:
            datagrams.bind(stream.getsockname())
        except OSError:
            stream.close()
            datagrams.close()
            continue
        return stream, datagrams
    raise OSError("no port that is free for both TCP and UDP was found")


class Datagrams:
    """The datagrams that come to a socket."""

    def __init__(self, udp: socket.socket, items: Items) -> None:
        self._udp, self._items = udp, items
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take those that are there. Afterwards each one that another thread has read is counted too."""
        with self._lock:
            try:
                while True:
                    self._items.take(self._udp.recv(1 << 16, socket.MSG_DONTWAIT))
            except OSError:  # none is left
                return

    def take_for_ever(self) -> None:
        """Take each one as it comes."""
        while True:
            select.select([self._udp], [], [])
            self.take()


def main() -> int:
    """Serve until the standard input ends, then print what arrived."""
    items = Items()
    stream, udp = open_both()
    datagrams = Datagrams(udp, items)
    server = Server(stream.getsockname(), http_handler(items), bind_and_activate=False)
    server.socket.close()
    server.socket = stream
    for target in (server.serve_forever, datagrams.take_for_ever):
        threading.Thread(target=target, daemon=True).start()
    print(json.dumps({"port": stream.getsockname()[1]}), flush=True)
    sys.stdin.buffer.read()
    datagrams.take()  # what the thread has not read yet
    print(json.dumps({"items": items.counts()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
