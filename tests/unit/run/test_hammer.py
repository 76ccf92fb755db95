"""The hammer: a real Locust that waits at the gate, is let go, is stopped and is killed."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stacks.lifecycle.records import REQUESTS_FILE
from stacks.observe import proc
from stacks.run import parquet
from stacks.run.hammer import LOG_FILE, Hammer
from tests.patience import LIMIT_S, until
from tests.patient_scenario import patient_scenario


class AnsweringHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.answered += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.send_header("X-Worker", "2/345")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None:
        """Print no line for a request."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), AnsweringHandler) as server:
        server.answered = 0  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def start(tmp_path: Path, server: ThreadingHTTPServer) -> Iterator[Callable[..., Hammer]]:
    started: list[Hammer] = []

    patient = patient_scenario(tmp_path)

    def begin(scenario: Path = patient) -> Hammer:
        started.append(Hammer(tmp_path, scenario, f"http://127.0.0.1:{server.server_port}", 4, 60))
        return started[-1]

    yield begin
    for hammer in started:
        hammer.close()


def log_text(tmp_path: Path) -> str:
    return (tmp_path / LOG_FILE).read_text()


def test_locust_waits_at_the_gate_hammers_and_writes_a_row_for_every_request(
    tmp_path: Path, server: ThreadingHTTPServer, start: Callable[..., Hammer]
) -> None:
    hammer = start()
    assert not hammer.is_up()
    until(hammer.is_up)
    assert server.answered == 0  # type: ignore[attr-defined]
    hammer.send("go")
    until(lambda: server.answered > 20)  # type: ignore[attr-defined]
    hammer.send("stop")
    hammer.wait(LIMIT_S)
    assert hammer.exit_code == 0, log_text(tmp_path)
    hammer.send("kill")  # no error, although Locust has ended
    hammer.close()
    assert parquet.write_requests(tmp_path)
    rows = pq.read_table(tmp_path / REQUESTS_FILE).to_pylist()
    assert len(rows) == server.answered  # type: ignore[attr-defined]
    assert {(row["status"], row["error"], row["slot"], row["pid"]) for row in rows} == {(200, "", 2, 345)}


def test_locust_ends_without_a_request_after_cancel_at_the_gate(
    tmp_path: Path, server: ThreadingHTTPServer, start: Callable[..., Hammer]
) -> None:
    hammer = start()
    until(hammer.is_up)
    hammer.send("cancel")
    hammer.wait(LIMIT_S)
    assert (hammer.exit_code, server.answered) == (0, 0)  # type: ignore[attr-defined]


def test_locust_ends_if_its_locustfile_does_not_load_and_the_log_says_why(
    tmp_path: Path, start: Callable[..., Hammer]
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    hammer = start(broken)
    hammer.wait(LIMIT_S)
    assert hammer.exit_code != 0
    assert not hammer.is_up()
    assert "no_such_module" in log_text(tmp_path)


def test_close_kills_locust_and_waits_for_its_end(start: Callable[..., Hammer]) -> None:
    hammer = start()
    hammer.close()
    assert not proc.is_alive(hammer.pid)
    assert hammer.exit_code == -9


def test_wait_raises_if_locust_does_not_end_in_time(start: Callable[..., Hammer]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        start().wait(0.01)


def test_a_command_is_sent_only_once(start: Callable[..., Hammer]) -> None:
    hammer = start()
    locust_socket, (hammer._control, receiver) = hammer._control, socket.socketpair()
    for command in ("go", "stop", "go", "kill", "stop"):
        hammer.send(command)
    assert receiver.recv(64) == b"go\nstop\nkill\n"
    receiver.close()
    hammer.send("cancel")  # no error, although nobody reads it
    locust_socket.close()
