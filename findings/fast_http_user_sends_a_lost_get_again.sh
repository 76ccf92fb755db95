#!/bin/sh
# Surprise: FastHttpUser of Locust sends a GET a second time when its connection ends without an answer, and counts one success.
#
# The expectation was a failure: the server had read the whole request and then ended, as a worker does that is killed in
# a request, and `max_retries` of FastHttpUser is 0. But geventhttpclient, below it, repeats a GET by itself if the
# connection had been used before. So a load test with keep-alive shows no failure when workers die in their requests, and
# the server has more requests than the test. HttpUser against the same server reports the loss (status 0).
#
# Versions: locust 2.47.0, geventhttpclient 2.6.1, any CPython from 3.10. Seen on 2026-11-28:
#     GETs that the server read: 3, requests that Locust counted: 2, failures: 0
#
# Needs a python3 with venv (PYTHON= names it). Exits with 1 if the output changes.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q locust==2.47.0 geventhttpclient==2.6.1
cat >"$folder/look.py" <<'LOOK'
from locust import FastHttpUser, events  # it patches the standard library, so it comes first
from locust.env import Environment

import socket
import threading

server = socket.create_server(("127.0.0.1", 0))
received = []


def serve_one(connection, number):
    """Answer each request of a connection, but end the first connection when it has read its second request."""
    with connection:
        while True:
            text = b""
            while not text.endswith(b"\r\n\r\n"):
                piece = connection.recv(4096)
                if not piece:
                    return
                text += piece
            received.append(number)
            if received == [1, 1]:
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def serve():
    for number in (1, 2):
        connection, _ = server.accept()
        threading.Thread(target=serve_one, args=(connection, number), daemon=True).start()


class Visitor(FastHttpUser):
    host = "http://127.0.0.1:%d" % server.getsockname()[1]


counted = []
environment = Environment(user_classes=[Visitor], events=events)
events.request.add_listener(lambda exception, **_: counted.append(exception))
threading.Thread(target=serve, daemon=True).start()
visitor = Visitor(environment)
for _ in range(2):
    visitor.client.get("/", timeout=10)
failures = sum(exception is not None for exception in counted)
print(f"GETs that the server read: {len(received)}, requests that Locust counted: {len(counted)}, failures: {failures}")
LOOK
found=$("$folder/venv/bin/python" "$folder/look.py" 2>/dev/null)
echo "$found"
test "$found" = "GETs that the server read: 3, requests that Locust counted: 2, failures: 0"
