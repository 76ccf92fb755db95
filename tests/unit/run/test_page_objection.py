"""The answers of a page that a check cannot hammer."""

from __future__ import annotations

import socket

import pytest

from stacks.lifecycle.incarnation import Incarnation
from stacks.run.probe import Answer, Probe, objection


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, 3, 0.01), ""),
        (Answer(404, 3, 0.01), ""),
        (Answer(500, 3, 0.01), "answers 500"),
        (Answer(200, 20_000_000, 0.1), "more than 1 MB"),
        (Answer(error="TimeoutError: timed out", latency_s=6.1), "not answered within"),
        (Answer(error="RemoteDisconnected: closed", latency_s=0.1), "connection ended"),
        (Answer(error="RemoteDisconnected: closed", latency_s=5.0), "connection ended"),  # on a busy machine
    ],
)
def test_a_page_that_cannot_be_hammered(answer: Answer, says: str) -> None:
    assert says in objection(answer, "/page")
    assert bool(objection(answer, "/page")) is bool(says)


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (
            {"exit_status": 1, "last_line": "cannot work after fork"},
            "ended with exit code 1. The last line that it",
        ),
        ({"signal": 11}, "ended by signal 11. It wrote no line"),
        ({}, "ended. It wrote no line"),
    ],
)
def test_a_worker_that_ended_in_the_request_is_not_told_as_an_app_that_raises(end: dict[str, int], says: str) -> None:
    worker = Incarnation(1, 0, 77, 0, 1, exited_ns=2, **end)  # type: ignore[arg-type]
    text = objection(Answer(error="RemoteDisconnected: closed", latency_s=0.1), "/page", worker)
    assert says in text
    assert end.get("last_line", "") in text  # type: ignore[operator]
    assert "raises" not in text
    assert "uwsgi.log" not in text
    assert objection(Answer(200, 3, 0.01), "/page", worker) == ""


@pytest.mark.parametrize(
    ("head", "has_tail"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", True), (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", False)],
)
def test_an_answer_without_a_length_ends_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, head: bytes, has_tail: bool
) -> None:
    monkeypatch.setattr("stacks.run.probe.LIMIT_S", 60.0)
    pause_s = 0.2
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = Probe(server.getsockname()[1], "/")
        probe.start()
        connection, _ = server.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(head + b"x")
            probe.join(pause_s)
        probe.join()
    assert probe.answer is not None
    assert (probe.answer.status, probe.answer.size, probe.answer.error) == (200, 1, "")
    assert (probe.answer.tail_s > 0) == has_tail
