"""The sink of a run starts and ends with it, and its items are counted by worker and by what became of the worker."""

from __future__ import annotations

import http.server
import sys
import threading
import urllib.request
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stacks.lifecycle.records import REQUESTS_FILE
from stacks.lifecycle.verdict import Judgement
from stacks.observe import proc
from stacks.run import item_count, sink_process
from stacks.run.errors import CannotMeasure
from stacks.run.item_count import REQUESTS_AFTER, ItemCount, RequestsAfter, answered_by_worker, delivery
from stacks.run.sink_process import SinkProcess
from tests.patience import LIMIT_S


def pid_of(sink: SinkProcess) -> int:
    return sink._process.pid


def test_a_sink_counts_until_its_end_and_leaves_no_process() -> None:
    sink = SinkProcess.start()
    urllib.request.urlopen(f"{sink.url}/v1", b"pack-item-7-0 pack-item-7-1", timeout=LIMIT_S).close()  # noqa: S310 - ours
    assert sink.end() == {"7": 2}
    assert not proc.is_alive(pid_of(sink))


def test_a_sink_that_is_closed_or_was_killed_counts_nothing_and_leaves_no_process() -> None:
    closed, killed = SinkProcess.start(), SinkProcess.start()
    closed.close()
    killed._process.kill()
    assert killed.end() is None
    assert not proc.is_alive(pid_of(closed))
    assert not proc.is_alive(pid_of(killed))
    killed.close()  # once more is no error


def test_a_sink_that_does_not_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_process.sys, "executable", "/bin/false")
    with pytest.raises(CannotMeasure, match="did not start"):
        SinkProcess.start()
    assert sys.executable


def test_a_sink_that_does_not_listen_in_time_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sink_process.sys, "executable", str(silent))
    monkeypatch.setattr(sink_process, "START_LIMIT_S", 0.1)
    with pytest.raises(CannotMeasure):
        SinkProcess.start()


def test_items_are_counted_by_worker_and_apart_for_those_that_lived_on() -> None:
    sent = Counter({"12": 10, "7": 10, "9": 2})
    row = delivery(sent, {"7": 10, "9": 1, "30": 1}, {"9", "30"})
    assert (row["sent"], row["arrived"]) == (22, 12)
    assert row["lived_on"] == {"sent": 2, "arrived": 2}
    assert row["by_worker"] == {
        "7": {"sent": 10, "arrived": 10},
        "9": {"sent": 2, "arrived": 1},
        "12": {"sent": 10, "arrived": 0},
        "30": {"sent": 0, "arrived": 1},
    }


def test_only_an_answered_request_counts_as_sent(tmp_path: Path) -> None:
    rows = [(7, 200, ""), (7, 200, ""), (7, 500, ""), (8, 0, "timeout"), (9, 200, "")]
    table = {"pid": [r[0] for r in rows], "status": [r[1] for r in rows], "error": [r[2] for r in rows]}
    pq.write_table(pa.table(table), tmp_path / REQUESTS_FILE)
    assert answered_by_worker(tmp_path) == {"7": 2, "9": 1}


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every second request as worker 41, the others without a worker's name."""

    count = 0

    def do_GET(self) -> None:
        Answering.count += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        if Answering.count % 2:
            self.send_header("X-Worker", "1/41")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


def test_the_requests_after_the_load_are_counted_by_the_worker_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.run.item_count.REQUEST_LIMIT_S", 60.0)
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        requests = RequestsAfter(server.server_address[1])
        requests.start()
        requests.join(LIMIT_S)
        server.shutdown()
    assert requests.answered == {"41": REQUESTS_AFTER // 2}


def test_requests_to_a_port_without_a_server_are_no_error() -> None:
    requests = RequestsAfter(1)
    requests.run()
    assert requests.answered == {}


class Live:
    """What `await_items` uses of a run: it records the waits, and does not wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.observer = self
        self.lifecycle = self

    def until(self, _phase: str, _condition: object, limit_s: float) -> bool:
        self.waits.append(limit_s)
        return False

    def ready(self) -> list[int]:
        return [41]


@pytest.mark.parametrize(
    ("purpose", "verdict", "waits"),
    [
        ("items", "recovers", [item_count.REQUESTS_LIMIT_S, item_count.GRACE_S]),
        ("items", "hung_request", []),
        ("server", "recovers", []),
    ],
)
def test_only_a_stack_that_does_not_hang_and_whose_items_count_has_its_grace(
    purpose: str, verdict: str, waits: list[float], tmp_path: Path
) -> None:
    items, live = ItemCount(purpose), Live()
    try:
        assert items.environment["PACK_SINK"].startswith("http://127.0.0.1:")
        items.await_items(live, 1, Judgement(verdict, "", 0, 0, 0, None))  # type: ignore[arg-type]
        assert live.waits == waits
    finally:
        items.end()
    pq.write_table(pa.table({"pid": [41], "status": [200], "error": [""]}), tmp_path / REQUESTS_FILE)
    row = items.record(tmp_path)
    if purpose == "server":
        assert row is None
    else:
        assert row is not None
        assert row["lived_on"]["sent"] == (1 if waits else 0)


def test_a_run_whose_sink_was_killed_says_nothing_about_items(tmp_path: Path) -> None:
    items = ItemCount("items")
    items._sink._process.kill()
    items.end()
    assert items.record(tmp_path) is None
