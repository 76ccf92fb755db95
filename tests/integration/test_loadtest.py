"""`loadtest` on the real wheels: every cell of the default plan, and every verdict there is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from contract import problems_below
from executables import executable

from stacks import catalogue
from stacks.observe import native_stacks
from tests.patient_scenario import patient_scenario

from .conftest import Loadtest, left_behind, shell

KNOWN = catalogue.load()
FIELDS = {"stack", "python", "package", "package_version", "runs", "respawns", "hung", "hang_rate", "hang_rate_low"}
FIELDS |= {"hang_rate_high", "respawn_s_p50", "respawn_s_p95", "answered_rps", "requests_lost", "stop_signal"}
FIELDS |= {"stop_s", "verdict", "verdicts", "expected", "evidence", "not_tested_because"}
GIL = "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup <- uwsgi_respawn_worker"


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    return patient_scenario(tmp_path)


def test_the_default_plan_comes_out_as_known(results: Path, patient: Path, venv: Callable[[str], object]) -> None:
    for _, version in KNOWN.plan.cells:
        venv(version)
    made = shell("make loadtest", TRIALS="1", SCENARIO=str(patient))
    done = Loadtest(made.returncode, made.stdout + made.stderr, (results / "latest").resolve())
    assert done.code == 0, done.said
    assert problems_below(results) == []
    assert [(c["stack"], c["python"], c["package_version"]) for c in done.cells] == [
        (stack, KNOWN.versions[version].python, KNOWN.versions[version].pin) for stack, version in KNOWN.plan.cells
    ]
    for cell in done.cells:
        assert set(cell) >= FIELDS
        assert cell["verdicts"] == [cell["expected"]]
        if cell["verdict"] == "hung_worker":
            assert cell["hung"] > 0
            assert cell["stop_signal"] == "KILL"
        else:
            assert (cell["hung"], cell["requests_lost"]) == (0, 0)
            assert cell["respawns"] >= KNOWN.plan.respawns
            assert cell["respawn_s_p95"] > 0
    for run in done.runs:
        assert run["stop"]["left_behind"] == []
        assert run["locust"]["complete"]
    page = (done.directory / "report.html").read_text()
    assert "<script" not in page
    assert left_behind(done.directory) == []
    assert all(verdict in page for verdict in ("hung_worker", "recovers"))


def only(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Let PATH have these programs only."""
    for name in programs:
        (folder / name).symlink_to(shutil.which(name) or pytest.skip(f"{name} is not installed"))
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("program", native_stacks.PROGRAMS)
def test_both_deadlocks_show_the_same_backtrace(
    one_run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str
) -> None:
    only(tmp_path, monkeypatch, program, "env")
    record = one_run("threads", version="py312-2.0.26")
    assert record["verdict"] == "hung_worker"
    assert record["evidence"].endswith(f"; {GIL}")
    assert list((record["directory"] / "evidence").glob("backtrace-*.txt"))


def test_the_verdict_waits_for_a_slow_tracer(
    one_run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is traced: on a busy machine gdb itself may take all of the time that a tracer has."""
    frames = "".join(f"#{number}  0x01 in {name} ()\n" for number, name in enumerate(GIL.split(" <- ")))
    (tmp_path / "backtrace").write_text(f'Thread 1 (Thread 0x01 (LWP 1) "uwsgi"):\n{frames}')
    only(tmp_path, monkeypatch, "sleep", "cat")
    executable(tmp_path / "gdb", f"#!/bin/sh\nsleep 4\ncat {tmp_path}/backtrace\n")
    assert one_run("threads", version="py312-2.0.26")["evidence"].endswith(f"; {GIL}")


def test_without_a_tracer_the_waits_are_the_evidence(
    one_run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    only(tmp_path, monkeypatch)
    record = one_run("threads", version="py312-2.0.26")
    assert record["verdict"] == "hung_worker"
    assert record["counts"]["hung"] == 2
    assert "no backtrace" in record["evidence"]
    assert native_stacks.NOT_INSTALLED in record["collectors"]["backtrace"]


@pytest.mark.parametrize(
    ("stack", "version", "more"),
    [
        ("fork-hooks", "py312-2.0.26", {}),
        ("osafterfork", "py313-2.0.30.post1", {}),
        # A turn of the master that comes late is followed by no sleep, so there are about six turns.
        ("throttle", "py312-2.0.30.post1", {"respawns": 12}),
        ("default-lifetime", "py312-2.0.30.post1", {}),
        ("plain", "py312-2.0.26", {}),
        ("threads-lazy", "py312-2.0.26", {}),
        ("thread-at-fork-hooks", "py312-2.0.30.post1", {}),
        ("pool-at-import", "py312-2.0.30.post1", {}),
        ("pool-at-import-hooks", "py312-2.0.30.post1", {}),
        ("pool-at-import-lazy", "py312-2.0.30.post1", {}),
        ("exit-in-request", "py312-2.0.30.post1", {"respawns": 6}),
    ],
)
def test_every_verdict(one_run: Callable[..., dict], stack: str, version: str, more: dict[str, float]) -> None:
    app = (catalogue.APPS / KNOWN.stacks[stack].app).read_text()
    record = one_run(stack, app=app, version=version, **more)
    assert record["verdict"] == KNOWN.expected(KNOWN.stacks[stack], KNOWN.versions[version]), record["reason"]
    assert record["stop"]["left_behind"] == []


def test_a_worker_whose_second_thread_reaches_the_limit_is_hung_at_its_exit(one_run: Callable[..., dict]) -> None:
    """One user after the other is served by the two threads in turn, as each has time to wait for the next request.

    So the second thread answers the 20th request, and the first one is idle: then the worker hangs. With more users the
    first thread of a busy machine may reach every limit.
    """
    version = "py311-2.0.23.post0"
    app = (catalogue.APPS / "hello.py").read_text().replace("    return", "    time.sleep(0.02)\n    return")
    numbers = {"max_requests": 20, "users": 1, "workers": 1, "respawns": 6}
    record = one_run("threads2", app=f"import time\n{app}", version=version, **numbers)
    assert record["verdict"] == KNOWN.expected(KNOWN.stacks["threads2"], KNOWN.versions[version]), record["reason"]
    assert record["verdict"] == "hung_exit"
    assert record["stop"]["left_behind"] == []


def test_a_first_generation_that_never_comes_up_is_hung_without_a_respawn(one_run: Callable[..., dict]) -> None:
    """An import that takes a lock twice, in each worker: nobody is left who could release it."""
    app = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n"
    record = one_run("threads-lazy", app=app)
    assert record["verdict"] == "hung_worker"
    assert (record["counts"]["hung_initial"], record["counts"]["respawns"]) == (2, 0)
    assert record["load"]["begin_ns"] is None
    assert record["locust"]["complete"]  # nothing was asked, and nothing is missing


def test_a_slow_import_is_never_hung(one_run: Callable[..., dict]) -> None:
    record = one_run("slow-import", app=(catalogue.APPS / "slow_import.py").read_text())
    assert record["verdict"] == "recovers"
    assert record["counts"]["respawns"] >= 2


def test_a_slow_import_that_waits_for_a_lock_is_never_hung(one_run: Callable[..., dict]) -> None:
    """Its only thread waits on a futex for 6 s: patience, because the wait has a timeout."""
    app = "import threading\nthreading.Event().wait(6)\n" + (catalogue.APPS / "hello.py").read_text()
    assert one_run("slow-import", app=app)["verdict"] == "recovers"


def test_a_slow_page_is_probed_while_the_load_is_on(one_run: Callable[..., dict]) -> None:
    """Only the request of the probe is slow, which has no User-Agent: the load is answered while the probe waits."""
    app = "import time\ndef application(e, s):\n    time.sleep(3 * ('HTTP_USER_AGENT' not in e))\n"
    app += "    s('200 OK', [('Content-Length', '1')])\n    return [b'x']\n"
    record = one_run("threads", app=app, max_requests=1, probe="/")
    assert record["verdict"] == "recovers", record["reason"]
    assert record["probe"]["status"] == 200
    assert record["probe"]["latency_s"] > 3


def test_slow_exits_that_come_back_have_a_verdict(one_run: Callable[..., dict]) -> None:
    """Ten respawns do not fit into 36 s if each worker takes 15 s to end, longer than any turn of its master."""
    app = "import atexit, time\natexit.register(time.sleep, 15)\n" + (catalogue.APPS / "hello.py").read_text()
    record = one_run("threads", app=app, respawns=10, limit_s=36.0)
    assert record["verdict"] == "recovers", record["reason"]
    assert "of it the exit of the old worker" in record["reason"]


def test_too_few_respawns_say_what_to_do(one_run: Callable[..., dict]) -> None:
    record = one_run("default-lifetime")
    assert record["verdict"] == "invalid"
    assert "min-worker-lifetime" in record["reason"]


def test_every_request_has_slot_and_pid(one_run: Callable[..., dict], patient: Path) -> None:
    import pyarrow.parquet as pq

    record = one_run("threads", scenario=patient)
    rows = pq.read_table(record["directory"] / "requests.parquet").to_pylist()
    forked = {
        (row["slot"], row["pid"])
        for row in map(json.loads, (record["directory"] / "events.jsonl").read_text().splitlines())
        if row["kind"] in ("spawned", "respawned")
    }
    assert rows
    assert {row["error"] for row in rows} == {""}
    assert {(row["slot"], row["pid"]) for row in rows} <= forked
    samples = pq.read_table(record["directory"] / "samples.parquet").to_pylist()
    assert {"master", "worker", "locust", "observer", "backlog"} <= {row["role"] for row in samples}
