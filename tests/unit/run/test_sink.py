"""The sink counts each item once, whichever way it comes, and says which process made it."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.run.sink import Datagrams, Items, unpacked
from tests.patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[3]


class Sink:
    """A sink as a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stacks.run.sink"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]

    def post(self, data: bytes, **headers: str) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1", data, {key.replace("_", "-"): value for key, value in headers.items()}
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:  # noqa: S310 - ours
            return int(answer.status)

    def end(self) -> dict[str, int]:
        out, _ = self.process.communicate(timeout=LIMIT_S)
        return dict(json.loads(out.splitlines()[-1])["items"])


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.process.kill()
    made.process.wait()


def test_items_are_counted_once_by_the_process_that_made_them() -> None:
    items = Items()
    items.take(b"pack-item-7-0 pack-item-7-1\npack-item-12-0")
    items.take(b"pack-item-7-1 again, and nothing: pack-item-x-1")
    assert items.counts() == {"7": 2, "12": 1}


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"pack-item-1-1", ""),
        (gzip.compress(b"pack-item-1-1"), "gzip"),
        (gzip.compress(b"pack-item-1-1"), ""),  # a body may be compressed without a word in its head
        (zlib.compress(b"pack-item-1-1"), "deflate"),
    ],
    ids=["plain", "gzip", "gzip without a word in its head", "deflate"],
)
def test_a_body_is_unpacked(data: bytes, encoding: str) -> None:
    assert unpacked(data, encoding) == b"pack-item-1-1"


def test_a_body_that_cannot_be_unpacked_is_taken_as_it_is() -> None:
    assert unpacked(b"\x1f\x8bno gzip", "gzip") == b"\x1f\x8bno gzip"
    assert unpacked(b"no deflate", "deflate") == b"no deflate"


def test_items_come_by_http_and_by_udp(sink: Sink) -> None:
    assert sink.post(b'{"event": "pack-item-5-0"}') == 200
    assert sink.post(gzip.compress(b"pack-item-5-1"), Content_Encoding="gzip") == 200
    with socket.create_connection(("127.0.0.1", sink.port), timeout=LIMIT_S) as client:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        client.sendall(head + b"9\r\npack-item\r\n4\r\n-6-0\r\n0\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 200")
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"pack-item-9-3:1|c", ("127.0.0.1", sink.port))
    assert sink.end() == {"5": 2, "6": 1, "9": 1}


def test_a_datagram_that_a_thread_has_read_is_counted_at_the_end() -> None:
    begun = threading.Event()

    class Slow(Items):
        def take(self, data: bytes) -> None:
            begun.set()
            time.sleep(0.3)
            super().take(data)

    items = Slow()
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        datagrams = Datagrams(udp, items)
        reader = threading.Thread(target=datagrams.take)
        udp.sendto(b"pack-item-9-3", udp.getsockname())
        reader.start()
        assert begun.wait(LIMIT_S)
        datagrams.take()
        assert items.counts() == {"9": 1}
        reader.join(LIMIT_S)


def test_it_ends_with_its_standard_input(sink: Sink) -> None:
    assert sink.end() == {}
    assert sink.process.returncode == 0
