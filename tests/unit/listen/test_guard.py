"""The guard: which requests are the user's own, and which come from a foreign web page."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from stacks.listen.address import Listening, parse_listening, print_red
from stacks.listen.guard import Guard, refusal
from tests.patience import LIMIT_S

LOCAL = Listening()
EVERYWHERE = parse_listening("0.0.0.0,load.example.org")
SECRET = b"the answer of the application"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8089", "localhost", "LOCALHOST:8089", "127.9.8.7:1", "[::1]", "[::1]:8089"),
        "localhost:9000",  # the near end of an SSH tunnel
    ],
)
def test_this_machine_has_names_of_its_own(host: str) -> None:
    assert refusal({"HTTP_HOST": host}, LOCAL) == ""
    assert refusal({"HTTP_HOST": host}, EVERYWHERE) == ""
    assert refusal({"HTTP_HOST": host}, parse_listening("::1")) == ""


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:8089",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.example#@localhost",
        ),
        *("127.0.0.1@evil.example", "evil.example@127.0.0.1", "127.0.0.1,evil.example", "127.0.0.1 evil.example"),
        *(
            "127.0.0.1:8089:1",
            "127.0.0.1:99999",
            "127.0.0.1:x",
            "127.0.0.1:",
            "::1",
            "[::1",
            "[evil.example]",
            "localhost/",
        ),
        *("", " ", "127.0.0.1\n", "１２７.0.0.1", "locâlhost", "localhost:٨٠"),
    ],
)
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    for listening in (LOCAL, EVERYWHERE):
        sentence = refusal({"HTTP_HOST": host}, listening)
        assert sentence.startswith("Refused: ")
        assert sentence.isprintable()
        assert sentence.isascii()


def test_a_request_without_a_host_is_refused() -> None:
    assert "does not say which host" in refusal({}, LOCAL)


def test_an_address_of_another_machine_is_ours_only_where_other_machines_may_connect() -> None:
    for host in ("192.0.2.7:8089", "[2001:db8::7]:8089", "192.0.2.7"):
        assert refusal({"HTTP_HOST": host}, LOCAL)
        assert refusal({"HTTP_HOST": host}, EVERYWHERE) == ""


def test_names_are_those_of_the_machine_and_those_that_the_user_gives() -> None:
    for name in ("load.example.org", "Load.Example.Org:80", socket.gethostname()):
        assert refusal({"HTTP_HOST": name}, EVERYWHERE) == ""
        assert refusal({"HTTP_HOST": name}, parse_listening("127.0.0.1")) or name == "localhost"
    assert refusal({"HTTP_HOST": "load.example.org"}, parse_listening("127.0.0.1,load.example.org")) == ""


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "x"])
def test_another_site_is_refused(site: str) -> None:
    assert "another web page" in refusal({"HTTP_HOST": "localhost", "HTTP_SEC_FETCH_SITE": site}, LOCAL)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_own_page_and_a_typed_address_are_not_refused(site: str) -> None:
    assert refusal({"HTTP_HOST": "localhost", "HTTP_SEC_FETCH_SITE": site}, LOCAL) == ""


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        *(("localhost:8089", "http://localhost:8089"), ("LOCALHOST:8089", "http://localhost:8089")),
        *(
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost"),
            ("localhost", "http://localhost:80"),
        ),
        *(("load.example.org", "https://load.example.org"), ("load.example.org:443", "https://load.example.org")),
        ("[::1]:8089", "http://[::1]:8089"),
    ],
)
def test_the_own_origin_is_not_refused(host: str, origin: str) -> None:
    assert refusal({"HTTP_HOST": host, "HTTP_ORIGIN": origin}, EVERYWHERE) == ""


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "", "http://localhost", "http://localhost:8090", "http://127.0.0.1:8089"),
        *("ftp://localhost:8089", "localhost:8089", "http://localhost:8089.evil.example", "http://x@localhost:8089"),
        *("http://localhost:8089 http://evil.example", "chrome-extension://abc"),
    ],
)
def test_a_foreign_origin_is_refused(origin: str) -> None:
    sentence = refusal({"HTTP_HOST": "localhost:8089", "HTTP_ORIGIN": origin}, LOCAL)
    assert "another web page" in sentence
    # A browser that says that the page is our own does not make a foreign origin ours.
    environ = {"HTTP_HOST": "localhost:8089", "HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": "same-origin"}
    assert refusal(environ, LOCAL) == sentence


def test_the_sentence_repeats_a_header_in_part_and_never_its_control_characters() -> None:
    sentence = refusal({"HTTP_HOST": "\x1b[31mé" + 500 * "x"}, LOCAL)
    assert "\x1b" not in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize("text", ["", "128", "evil.example", "0.0.0.0:80", "*", "127.1", ",name"])
def test_what_is_not_an_address_cannot_be_listened_on(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address of this machine"):
        parse_listening(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "[::1]", "localhost", "127.0.0.2", " localhost , Name "])
def test_the_loopback_address_needs_no_warning(text: str) -> None:
    assert parse_listening(text).warning(8089, "read it") == ""


@pytest.mark.parametrize(
    ("text", "where"), [("0.0.0.0", "any address"), ("::", "any address"), ("192.0.2.7", "192.0.2.7")]
)
def test_another_address_is_warned_of(text: str, where: str) -> None:
    sentence = parse_listening(text).warning(8089, "read it")
    assert f"port 8089 of {where}" in sentence
    assert "can read it, without a password" in sentence


def test_the_url_of_a_listener_can_be_opened() -> None:
    assert Listening().url(8089) == "http://127.0.0.1:8089"
    assert Listening("::1").url(8089) == "http://[::1]:8089"
    assert Listening("0.0.0.0").url(8089) == f"http://{socket.gethostname()}:8089"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_warning_is_red_on_a_terminal_and_plain_elsewhere() -> None:
    for stream, no_color, expected in (
        (Terminal(), False, "\x1b[1;31mwatch out\x1b[0m\n"),
        (Terminal(), True, "watch out\n"),
        (io.StringIO(), False, "watch out\n"),
    ):
        print_red("watch out", stream, no_color)
        assert stream.getvalue() == expected


# -- over a socket --------------------------------------------------------------------------------


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A real server with a guarded application."""

    def application(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [SECRET]

    server = make_server("127.0.0.1", 0, Guard(application, LOCAL), handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def exchange(port: int, request: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as client:
        client.sendall(request.encode())
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/ HTTP/1.0\r\nHost: evil.example\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 3\r\n\r\nx=1",
        "OPTIONS / HTTP/1.0\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
        "HEAD / HTTP/1.0\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n",
    ],
)
def test_a_foreign_request_gets_one_sentence_and_not_the_answer(port: int, request_text: str) -> None:
    head, _, body = exchange(port, request_text).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 403 Forbidden\r\n")
    assert b"Access-Control" not in head
    if request_text.startswith("HEAD"):
        assert body == b""
    else:
        assert body.startswith(b"Refused: ")
        assert body.count(b"\n") == 1


def test_an_own_request_gets_the_answer_which_no_page_may_frame(port: int) -> None:
    for version in ("1.0", "1.1"):
        head, _, body = exchange(port, f"GET / HTTP/{version}\r\nHost: localhost:{port}\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert b"frame-ancestors 'none'" in head
        assert body == SECRET
