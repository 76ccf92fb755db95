"""Sends requests of Locust's own clients to servers that fail. It is a program, because Locust patches its process.

It prints JSON: the recorder's row for each server and client, and its word for each exception that the clients raise.
"""

import json
import socket
import struct
import sys
from http import client as http
from pathlib import Path

from locust import FastHttpUser, HttpUser
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
import gevent
import requests
import urllib3
from gevent.event import Event
from gevent.server import StreamServer
from geventhttpclient import response as fast
from geventhttpclient import useragent
from recording import _recorder, _rows
from recording._error_words import error_word

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Worker: 3/77\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT_S = 0.2  # of a request that is to time out
PATIENCE_S = 30.0  # of every other one, on a busy machine
ANSWERS = {
    "whole": HEAD + b"0123456789",
    "chunked": CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n",
    "unframed": b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "server error": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nX-Worker: 3/77\r\n\r\nno",
    "strange headers": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Worker: a/b, c\r\n\r\nok",
    "refused": b"",
    "reset": b"",
    "closed": b"",
    "truncated": HEAD + b"012",
    "truncated chunk": CHUNKED + b"5\r\nabc",
    "malformed": b"garbage\r\n\r\n",
    "timeout": b"",
    "timeout in the body": HEAD + b"012",
}


def server(name):
    def converse(connection, _address):
        connection.recv(4096)
        connection.sendall(ANSWERS[name])
        if name.startswith("timeout"):
            gevent.sleep(LIMIT_S * 4)
        if name == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return StreamServer(("127.0.0.1", 0), converse)


def row(user, limit_s, head=False):
    _rows.take()
    limit = {"timeout": limit_s} if isinstance(user, HttpUser) else {}
    (user.client.head if head else user.client.get)("/x", name="a\tname\r\n", **limit)
    return _rows.take()


def rows():
    by_name = {}
    for name in ANSWERS:
        listener = server(name)
        listener.start()
        host = f"http://127.0.0.1:{listener.server_port}"
        if name == "refused":
            listener.stop()
        limit_s = LIMIT_S if name.startswith("timeout") else PATIENCE_S
        limits = {"host": host, "network_timeout": limit_s, "connection_timeout": limit_s}
        for kind, attributes in ((HttpUser, {"host": host}), (FastHttpUser, limits)):
            user = type("Asking", (kind,), attributes)(Environment())
            by_name[f"{name}, {kind.__name__}"] = row(user, limit_s)
            if name == "whole":
                by_name[f"HEAD, {kind.__name__}"] = row(user, limit_s, head=True)
        listener.stop()
    return by_name


def killed():
    """Return the row of a request that is killed while it waits."""
    is_there = Event()

    def converse(connection, _address):
        connection.recv(4096)
        is_there.set()
        gevent.sleep(PATIENCE_S)

    listener = StreamServer(("127.0.0.1", 0), converse)
    listener.start()
    user = type("Asking", (FastHttpUser,), {"host": f"http://127.0.0.1:{listener.server_port}"})(Environment())
    _rows.take()
    asking = gevent.spawn(user.client.get, "/x")
    is_there.wait()
    gevent.sleep(0.05)
    asking.kill()
    return _rows.take()


def caused(error, cause):
    error.__cause__ = cause
    return error


def words():
    pool = urllib3.HTTPConnectionPool("h")
    errors = [
        ("refused", ConnectionRefusedError(111, "Connection refused")),
        ("refused", requests.ConnectionError(urllib3.exceptions.NewConnectionError(pool, "Connection refused"))),
        ("refused", caused(requests.ConnectionError("no"), ConnectionRefusedError(111, "Connection refused"))),
        ("refused", useragent.RetriesExceeded("u", 0, original=ConnectionRefusedError(111, "Connection refused"))),
        ("timeout", TimeoutError("timed out")),
        ("timeout", requests.ReadTimeout()),
        ("timeout", requests.ConnectTimeout()),
        ("timeout", urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.ConnectTimeoutError())),
        ("timeout", useragent.RetriesExceeded("u", 0, original=TimeoutError("timed out"))),
        ("reset", ConnectionResetError(104, "Connection reset by peer")),
        ("reset", BrokenPipeError(32, "Broken pipe")),
        ("reset", requests.exceptions.ChunkedEncodingError(ConnectionResetError(104, "Connection reset by peer"))),
        ("truncated", requests.exceptions.ChunkedEncodingError()),
        ("truncated", http.IncompleteRead(b"ab", 7)),
        ("closed", http.RemoteDisconnected("Remote end closed connection without response")),
        ("closed", urllib3.exceptions.ProtocolError("Connection aborted.", http.RemoteDisconnected("closed"))),
        ("closed", fast.HTTPConnectionClosed("connection closed.")),
        ("malformed", fast.HTTPParseError("Expected HTTP/", 8)),
        ("malformed", http.BadStatusLine("garbage")),
        ("malformed", requests.exceptions.InvalidURL("h")),
        ("other", socket.gaierror(-2, "Name or service not known")),
        ("other", ValueError("what")),
        ("other", None),
    ]
    return [(word, error_word(error), repr(error)) for word, error in errors]


for session in (HttpSession, FastHttpSession):
    _recorder.wrap(session)
json.dump({"words": words(), "rows": rows(), "killed": killed()}, sys.stdout)
