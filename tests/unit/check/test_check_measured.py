"""Runs in numbers, the binary that is looked at, the threads an import starts, and a log that is a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from contexts import context

from stacks.check.measurement import measured
from stacks.check.server import Server, look, threads_at_import
from stacks.lifecycle.records import LOG_FILE
from stacks.observe.collectors.log import Collector

RUNS = Path(__file__).resolve().parents[2] / "data" / "runs"


@pytest.mark.parametrize(
    ("name", "is_hang"),
    [
        ("recovers", False),
        ("hung_worker", True),
        ("hung_exit", True),
        ("hung_master", True),
        ("hung_request", True),
        ("dead_master", True),
        ("crash_loop", True),
        ("throttled", False),
        ("invalid", False),
    ],
)
def test_every_verdict_is_read(name: str, is_hang: bool) -> None:
    found = measured(RUNS / name)
    assert (found.verdict, found.is_hang) == (name, is_hang)
    assert found.requests > 0 or name == "crash_loop"


def test_a_healthy_run_has_times_and_no_losses() -> None:
    found = measured(RUNS / "recovers")
    assert found.recycle_median_s is not None
    assert found.recycle_max_s is not None
    assert 0 < found.recycle_median_s <= found.recycle_max_s < 10
    assert found.respawns == found.trials > 0
    assert found.latency_p50_s is not None
    assert found.lost == {}


def test_hung_workers_are_counted_at_the_fork_and_at_the_exit() -> None:
    assert measured(RUNS / "hung_worker").hung > 0
    assert measured(RUNS / "hung_exit").hung > 0
    assert measured(RUNS / "crash_loop").crashed > 0


def test_a_script_of_pyuwsgi_is_told_from_a_binary(tmp_path: Path) -> None:
    script = tmp_path / "uwsgi"
    script.write_text("#!/nowhere/python\nfrom pyuwsgi import run\nrun()\n")
    assert look(script, "2.0.26", "Python version: 3.12.1 (main)\n") == Server(
        script, "2.0.26", "2.0.26", "3.12.1", Path("/nowhere/python")
    )
    script.write_bytes(b"\x7fELF" + b"\0" * 99)
    found = look(script, "2.0.31", "Python version: 3.11.7 (main)\n")
    assert (found.pin, found.minor, found.interpreter) == (None, "3.11", None)


def test_threads_are_named_with_their_target(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, threading\ndef work():\n    threading.Event().wait()\n"
        "threading.Thread(target=work, name=os.environ['NAME'], daemon=True).start()\n"
    )
    server = Server(Path("/v/bin/uwsgi"), "2.0.30", "2.0.30", "3.12.1", Path(sys.executable))
    options = [("env", "NAME=exporter"), ("module", "app:application")]
    assert threads_at_import(server, options, tmp_path, os.environ) == ["exporter (app.work)"]
    assert threads_at_import(server, [("module", "missing")], tmp_path, os.environ) is None


def test_a_pipe_says_who_is_ready(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    made, _ = context(tmp_path, log_fd=ours)
    collector = Collector(made)
    assert collector.open() == ""
    os.write(theirs, b"pack-ready 123\nspawned uWSGI worker 1 (pid: 7, cores: 1)\n")
    rows = [(event.kind, event.pid) for event in collector.read(ours)]
    assert rows == [("ready", 123), ("spawned", 7)]
    os.close(theirs)
    assert collector.read(ours) == []
    collector.close()
    assert (tmp_path / LOG_FILE).read_bytes().startswith(b"pack-ready 123")
