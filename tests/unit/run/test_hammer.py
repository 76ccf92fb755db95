"""The hammer: a real Locust, held at the gate, let go, stopped and killed."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from contexts import until

from stacks.catalogue import SCENARIOS
from stacks.lifecycle.records import REQUESTS_FILE
from stacks.observe import proc
from stacks.run import parquet
from stacks.run.hammer import LOG_FILE, Hammer


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.answered += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.send_header("X-Worker", "2/345")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as made:
        made.answered = 0  # type: ignore[attr-defined]
        made.daemon_threads = True
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def start(tmp_path: Path, server: ThreadingHTTPServer) -> Iterator[Callable[..., Hammer]]:
    made: list[Hammer] = []

    def begin(scenario: Path = SCENARIOS / "steady.py") -> Hammer:
        made.append(Hammer(tmp_path, scenario, f"http://127.0.0.1:{server.server_port}", 4, 60))
        return made[-1]

    yield begin
    for hammer in made:
        hammer.close()


def words(tmp_path: Path) -> str:
    return (tmp_path / LOG_FILE).read_text()


def test_it_waits_at_the_gate_hammers_and_ends_with_every_request_in_a_row(
    tmp_path: Path, server: ThreadingHTTPServer, start: Callable[..., Hammer]
) -> None:
    hammer = start()
    assert not hammer.is_up()
    until(hammer.is_up)
    assert server.answered == 0  # type: ignore[attr-defined]
    hammer.say("go")
    until(lambda: server.answered > 20)  # type: ignore[attr-defined]
    hammer.say("stop")
    hammer.wait(15)
    assert hammer.exit_code == 0, words(tmp_path)
    hammer.say("kill")  # nobody is there any more
    hammer.close()
    assert parquet.write_requests(tmp_path)
    rows = pq.read_table(tmp_path / REQUESTS_FILE).to_pylist()
    assert len(rows) == server.answered  # type: ignore[attr-defined]
    assert {(row["status"], row["error"], row["slot"], row["pid"]) for row in rows} == {(200, "", 2, 345)}


def test_cancelled_at_the_gate_it_ends_without_a_request(
    tmp_path: Path, server: ThreadingHTTPServer, start: Callable[..., Hammer]
) -> None:
    hammer = start()
    until(hammer.is_up)
    hammer.say("cancel")
    hammer.wait(15)
    assert (hammer.exit_code, server.answered) == (0, 0)  # type: ignore[attr-defined]


def test_a_locustfile_that_does_not_load_ends_it_and_the_log_says_why(
    tmp_path: Path, start: Callable[..., Hammer]
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    hammer = start(broken)
    hammer.wait(15)
    assert hammer.exit_code != 0
    assert not hammer.is_up()
    assert "no_such_module" in words(tmp_path)


def test_closing_kills_it_and_waits(start: Callable[..., Hammer]) -> None:
    hammer = start()
    hammer.close()
    assert not proc.is_alive(hammer.pid)
    assert hammer.exit_code == -9


def test_one_that_does_not_end_is_an_error_of_the_caller(start: Callable[..., Hammer]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        start().wait(0.01)


def test_a_word_said_twice_is_sent_once(start: Callable[..., Hammer]) -> None:
    hammer = start()
    locusts, (hammer._control, heard) = hammer._control, socket.socketpair()
    for word in ("go", "stop", "go", "kill", "stop"):
        hammer.say(word)
    assert heard.recv(64) == b"go\nstop\nkill\n"
    heard.close()
    hammer.say("cancel")  # nobody listens any more
    locusts.close()
