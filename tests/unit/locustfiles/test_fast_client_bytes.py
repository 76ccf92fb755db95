"""The bytes of FastUser: answers are read whatever their pieces, and requests are encoded as HTTP and uwsgi define."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from fast_client._answer import RequestError, read_answer
from fast_client._wire import encode, parse_target, split_url

from stacks.lifecycle.records import REQUEST_ERRORS
from tests.unit.locustfiles.tiny_server import ANSWERS

WHOLE = {
    "/": (200, b"ok\n"),
    "/chunked": (200, b"abc0123456789"),
    "/unframed": (200, b"until the end"),
    "/continue": (200, b"ok"),
    "/empty": (204, b""),
    "/500": (500, b"no"),
}
FAILING = {path: path[1:].partition("-")[0] for path in ANSWERS if path[1:].partition("-")[0] in REQUEST_ERRORS}


def read_cut(data: bytes, size: int, without_body: bool = False):
    parts = iter([data[i : i + size] for i in range(0, len(data), size)])
    return read_answer(lambda: next(parts, b""), without_body)


@pytest.mark.parametrize("path", WHOLE)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_is_the_same_in_pieces_of_any_size(path: str, size: int) -> None:
    head, body, _ = read_cut(ANSWERS[path], size)
    assert (head.status, body) == WHOLE[path]


@pytest.mark.parametrize("path", FAILING)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_failure_has_its_word(path: str, size: int) -> None:
    with pytest.raises(RequestError) as caught:
        read_cut(ANSWERS[path], size)
    assert caught.value.word == FAILING[path]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_an_answer_or_a_failure_with_a_word(data: bytes, size: int) -> None:
    for begin in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        word = ""
        try:
            read_cut(begin + data, size)
        except RequestError as error:
            word = error.word
        assert word in ("", *REQUEST_ERRORS)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: 0x2",
        b"Content-Length: 99999999999",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: br",
        b"no colon",
        b"Name : v",
    ],
)
def test_a_head_with_an_unclear_end_of_the_body_is_malformed(head: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        read_cut(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nok", 1000)
    assert caught.value.word == "malformed"


def test_a_head_or_a_chunk_without_end_is_malformed() -> None:
    for begin in (b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        parts = iter([begin])
        with pytest.raises(RequestError) as caught:
            read_answer(lambda parts=parts: next(parts, b"1" * 5000), False)
        assert caught.value.word == "malformed"


def test_a_connection_is_kept_if_client_and_server_allow_it() -> None:
    for fields, kept in (
        (b"HTTP/1.1 200 OK", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
    ):
        assert read_cut(fields + b"\r\nContent-Length: 2\r\n\r\nok", 1000)[2] is kept
        assert read_cut(fields + b"\r\nContent-Length: 2\r\n\r\nok and more", 1000)[2] is False
    head, body, kept = read_cut(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 5, without_body=True)
    assert (head.length, body, kept) == (9, b"", True)


def test_the_worker_header_is_parsed_and_repeated_headers_are_joined() -> None:
    for value, expected in ((b"3/77", (3, 77)), (b"x/y", (0, 0)), (b"", (0, 0)), (b"3", (3, 0))):
        data = b"HTTP/1.1 200 OK\r\nX-Worker: " + value + b"\r\nA: 1\r\na: 2\r\nContent-Length: 0\r\n\r\n"
        head, _, _ = read_cut(data, 1000)
        assert (head.slot, head.pid) == expected
        assert head.headers["A"] == "1, 2"


# -- requests -----------------------------------------------------------------------------------


def test_a_request_is_encoded_with_its_headers() -> None:
    target, path = split_url("http://127.0.0.1:8080/base", "/a b?q=1&r=%2F#f")
    assert encode(target, "GET", path, None, None, True) == (
        b"GET /base/a%20b?q=1&r=%2F HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
    )
    text = encode(target, "POST", "/", {"host": "example.org", "X-A": "b"}, b"body", False)
    assert text == (
        b"POST / HTTP/1.1\r\nHost: example.org\r\nX-A: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )


def test_urls_become_targets_or_errors() -> None:
    assert parse_target("http://[::1]:81").host == "::1"
    assert parse_target("http://user:word@a.example").authority == "a.example"
    assert (parse_target("https://a.example").port, parse_target("https://a.example").tls) == (443, True)
    for url in ("http+unix://%2Frun%2Fa.sock/p", "http+unix:///run/a.sock", "uwsgi+unix://%2Frun%2Fa.sock"):
        assert parse_target(url).path == "/run/a.sock"
    assert split_url("http://a", "http://b:1/x?y")[0].authority == "b:1"
    assert split_url("http://a", "/x?y=http://c")[0].authority == "a"
    for wrong in ("127.0.0.1:80", "ftp://a", "http://", "uwsgi://127.0.0.1", "http+unix://", "http://a:99999"):
        with pytest.raises(ValueError, match=r"has no|not an http|Port out of range"):
            parse_target(wrong)


@pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A\n": "b"}, {"": "b"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize("scheme", ["http", "uwsgi"])
def test_a_header_that_would_break_the_request_is_refused(headers: dict[str, str], scheme: str) -> None:
    with pytest.raises(ValueError, match=r"would break the request|sent whole"):
        encode(parse_target(f"{scheme}://a:1"), "GET", "/", headers, None, True)


def test_a_uwsgi_packet_has_the_size_that_it_declares() -> None:
    target = parse_target("uwsgi://127.0.0.1:3031")
    packet = encode(target, "POST", "/p%20q?x=1", {"X-A": "1"}, b"body", False)
    modifier1, size, modifier2 = struct.unpack_from("<BHB", packet)
    assert (modifier1, modifier2, packet[4 + size :]) == (0, 0, b"body")
    assert b"\x09\x00PATH_INFO\x04\x00/p q" in packet
    for headers in ({"A": "x" * 70000}, {f"A{i}": "x" * 30000 for i in range(3)}):
        with pytest.raises(ValueError, match="65535"):
            encode(target, "GET", "/", headers, None, False)
