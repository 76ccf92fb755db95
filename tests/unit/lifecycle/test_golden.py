"""Golden runs: at least one real run for each verdict. Judged again from its rows, each gets its own verdict again."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stacks.lifecycle import records
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.verdict import VERDICTS, judge

RUNS = Path(__file__).resolve().parents[2] / "data" / "runs"
OUTCOMES = {
    "recovers": {"first ready": 2, "ready": 20},
    "hung_worker": {"first ready": 2, "hung_at_fork": 2},
    "hung_master": {"first ready": 2, "undecided": 2},
    "hung_request": {"first ready": 2, "ready": 2},
    "hung_exit": {"first ready": 2, "ready": 8, "hung_at_exit": 2},
    "dead_master": {"first ready": 2, "undecided": 2},
    "crash_loop": {"first crashed": 2, "crashed": 2, "undecided": 2},
    "throttled": {"first ready": 2, "ready": 21},
    "invalid": {"first ready": 2},
    # Further runs of a verdict. Their names begin with it.
    "crash_loop_in_request": {"first ready": 2, "ready": 42, "undecided": 2},
    "hung_request_pool": {"first ready": 2},
    # A free-threaded Python is no row of versions.toml, so these runs were made with `judge`, which expects nothing.
    "recovers_free_threaded": {"first ready": 2, "ready": 30},
    "hung_worker_free_threaded": {"first ready": 2, "ready": 4, "hung_at_fork": 2},
    # The uWSGI of a distribution is no row either. These runs are of `check`.
    "recovers_debian12": {"first ready": 2, "ready": 12, "undecided": 1},
    "crash_loop_debian13": {"first crashed": 2, "crashed": 4, "undecided": 2},
    "crash_loop_debian_sid": {"first crashed": 2, "crashed": 2, "undecided": 2},
}
UNEXPECTED = ("free_threaded", "debian12", "debian13", "debian_sid")
NAMES = sorted(OUTCOMES)


def test_there_is_a_golden_run_for_every_verdict() -> None:
    assert sorted(path.name for path in RUNS.iterdir() if path.is_dir()) == NAMES
    assert {read_json(RUNS / name / records.RUN_FILE)["verdict"] for name in NAMES} == set(VERDICTS)
    assert set(VERDICTS) <= set(NAMES)


def test_the_hang_of_a_free_threaded_python_is_proven_by_a_stop_and_never_by_a_wait_for_the_gil() -> None:
    live = Lifecycle()
    texts = set()
    for event in read_events(RUNS / "hung_worker_free_threaded" / records.EVENTS_FILE):
        live.feed(event)
        texts |= {proof.text for pid in live.starting() if (proof := live.hangs.proof(pid)) is not None}
    assert any("waits for a thread to stop" in text for text in texts)
    assert not any("GIL" in text for text in texts)


@pytest.mark.parametrize("name", ["hung_request", "hung_request_pool", "hung_exit", "hung_worker_free_threaded"])
def test_without_a_look_by_gdb_or_py_spy_the_verdict_stays_and_the_evidence_is_that_of_proc(name: str) -> None:
    """An ordinary user has these rows under ptrace_scope 1: /proc can be read by an ancestor, and nothing else."""
    looks = ("backtrace", "python_threads")
    rows = [row for row in read_events(RUNS / name / records.EVENTS_FILE) if row.source not in looks]
    run = read_json(RUNS / name / records.RUN_FILE)
    judgement = judge(Lifecycle.of(rows), run["plan"]["respawns"], finished=True)
    assert judgement.verdict == run["verdict"]
    assert judgement.evidence is not None
    assert re.fullmatch(
        r"1 thread\(s\) in futex\S*, no CPU time in \d\.\d s, \d+ wakes/s \(no backtrace was taken\)",
        judgement.evidence,
    )


@pytest.mark.parametrize("name", NAMES)
class TestRun:
    def test_the_judgement_is_that_of_the_recorded_run(self, name: str) -> None:
        run = read_json(RUNS / name / records.RUN_FILE)
        lifecycle = Lifecycle.of(read_events(RUNS / name / records.EVENTS_FILE))
        judgement = judge(lifecycle, run["plan"]["respawns"], finished=True)
        assert judgement.verdict == run["verdict"] == run.get("expected", run["verdict"])
        assert ("expected" in run) is (not name.endswith(UNEXPECTED))
        assert name.startswith(run["verdict"])
        assert (judgement.reason, judgement.evidence) == (run["reason"], run["evidence"])
        counts = {key: getattr(judgement, key) for key in ("respawns", "hung", "hung_initial")}
        assert counts == {key: run["counts"][key] for key in counts}

    def test_the_episodes_have_the_recorded_outcomes(self, name: str) -> None:
        episodes = Lifecycle.of(read_events(RUNS / name / records.EVENTS_FILE)).episodes()
        assert Counter(("" if e.generation else "first ") + e.outcome for e in episodes) == OUTCOMES[name]
        for episode in episodes:
            times = (episode.exit_begun_ns, episode.exited_ns, episode.forked_ns, episode.ready_ns)
            seen = [t for t in times if t is not None]
            # A line of the log gets its time when it is read. This may be after the time of the exit that followed it.
            assert all(later - earlier > -20_000_000 for earlier, later in itertools.pairwise(seen))

    def test_only_hangs_and_deaths_have_a_verdict_before_the_rows_end(self, name: str) -> None:
        run = read_json(RUNS / name / records.RUN_FILE)
        live = Lifecycle()
        verdicts = []
        for event in read_events(RUNS / name / records.EVENTS_FILE):
            live.feed(event)
            verdicts.append(judge(live, run["plan"]["respawns"], finished=False).verdict)
        certain = [verdict for verdict in dict.fromkeys(verdicts) if verdict is not None]
        # Whether workers that end in a request have answered one is known once the requests are counted.
        is_late = run["verdict"] in ("throttled", "invalid", "recovers")
        assert certain == ([] if is_late else [run["verdict"]])

    def test_its_files_are_complete_and_belong_together(self, name: str) -> None:
        folder = RUNS / name
        run = read_json(folder / records.RUN_FILE)
        ini = (folder / records.INI_FILE).read_bytes()
        assert hashlib.sha256(ini).hexdigest() == run["ini_sha256"]
        assert f"http-socket = 127.0.0.1:{run['port']}".encode() in ini
        assert pq.read_schema(folder / records.REQUESTS_FILE).names == list(records.REQUEST_COLUMNS)
        assert pq.read_schema(folder / records.SAMPLES_FILE).names == list(records.SAMPLE_COLUMNS)
        assert b"spawned uWSGI worker 1" in (folder / records.LOG_FILE).read_bytes()
        files = [e.data["file"] for e in read_events(folder / records.EVENTS_FILE) if e.kind == "backtrace"]
        assert all((folder / file).is_file() for file in files)
        assert bool(files) is name.startswith("hung")

    def test_it_is_small(self, name: str) -> None:
        assert sum(path.stat().st_size for path in (RUNS / name).rglob("*")) < 100_000
