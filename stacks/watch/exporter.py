"""Answers `GET /metrics` for Prometheus. A thread speaks HTTP; the loop that watches makes the answer.

The pictures belong to the loop, so the thread only asks it, by an eventfd that the loop can wait for, and waits itself.
A client that is slow or silent holds up other clients for CLIENT_LIMIT_S, and the loop never.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from stacks.listen.address import Listening
from stacks.listen.guard import Environ, Guard

CLIENT_LIMIT_S = 5.0  # for a client to send its request, and to take the answer
LOOP_LIMIT_S = 5.0  # the loop wakes at least once a second; Prometheus gives up after 10 s by default
INDEX = b"The metrics are at /metrics.\n"


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_LIMIT_S

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


class _Server(WSGIServer):
    def server_bind(self) -> None:
        """Bind without asking a name server for the name of this machine, as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that ends in the middle of a request is no error of the watcher."""


class _Question:
    """One request that waits for the loop."""

    def __init__(self, accept: str) -> None:
        self.accept = accept
        self.answer: tuple[bytes, str] | None = None
        self.answered = threading.Event()


class Exporter:
    """Listens from the start until `close`. Raises OSError if the address cannot be used."""

    def __init__(self, listening: Listening, port: int, metrics: Collector) -> None:
        self._metrics = metrics
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._is_closing = False
        family = type("Server", (_Server,), {"address_family": listening.family})
        self._server = family((listening.address, port), _Handler)
        self._server.set_app(Guard(self._application, listening))
        self.port: int = self._server.server_port
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return a descriptor that is readable while a request waits for `answer`."""
        return self._wake_fd

    def answer(self) -> None:
        """Answer the requests that wait. The loop calls this after each step."""
        try:
            os.eventfd_read(self._wake_fd)
        except BlockingIOError:
            return
        while not self._questions.empty():
            question = self._questions.get()
            encode, content_type = choose_encoder(question.accept)
            question.answer = encode(self._metrics), content_type
            question.answered.set()

    def close(self) -> None:
        """Stop to listen."""
        self._is_closing = True
        self._server.socket.shutdown(socket.SHUT_RDWR)  # this ends the wait of the thread for a connection
        self._thread.join(CLIENT_LIMIT_S)
        self._server.server_close()
        os.close(self._wake_fd)

    # -- in the thread --------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._is_closing:
            self._server.handle_request()  # waits without a limit: it never wakes while nobody asks

    def _application(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, content_type, body = self._response(environ)
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _response(self, environ: Environ) -> tuple[str, str, bytes]:
        text = "text/plain; charset=utf-8"
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return "405 Method Not Allowed", text, b"Only GET is answered.\n"
        if environ["PATH_INFO"] == "/":
            return "200 OK", text, INDEX
        if environ["PATH_INFO"] != "/metrics":
            return "404 Not Found", text, INDEX
        question = _Question(str(environ.get("HTTP_ACCEPT", "")))
        self._questions.put(question)
        os.eventfd_write(self._wake_fd, 1)
        if not question.answered.wait(LOOP_LIMIT_S) or question.answer is None:
            return "503 Service Unavailable", text, b"The watcher is busy. Ask again.\n"
        return "200 OK", question.answer[1], question.answer[0]
