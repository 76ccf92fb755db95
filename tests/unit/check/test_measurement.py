"""Reading the files of a run into a measurement, for a golden run of every verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from check_builders import HEALTHY, HUNG

from stacks.check.measurement import LOST_REQUESTS, SLOW_EXIT, SLOW_STOP, Measurement, read_measurement

RUNS = Path(__file__).resolve().parents[2] / "data" / "runs"
IN_EXIT = {"pid": 7, "role": "worker", "starting": False, "waits": ["futex"], "frames": ["Py_FinalizeEx"]}
SLOW_TO_END = {"exit": 30.1, "reap": 0.7, "start": 0.1}


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
    run = read_measurement(RUNS / name)
    assert (run.verdict, run.is_hang) == (name, is_hang)
    assert run.requests > 0 or name == "crash_loop"


def test_a_healthy_run_has_times_and_no_losses() -> None:
    run = read_measurement(RUNS / "recovers")
    assert run.recycle_median_s is not None
    assert run.recycle_max_s is not None
    assert 0 < run.recycle_median_s <= run.recycle_max_s < 10
    assert run.respawns == run.trials > 0
    assert run.latency_p50_s is not None
    assert run.lost == {}


def test_hung_workers_are_counted_at_the_fork_and_at_the_exit() -> None:
    assert read_measurement(RUNS / "hung_worker").hung > 0
    assert read_measurement(RUNS / "hung_exit").hung > 0
    assert read_measurement(RUNS / "crash_loop").crashed > 0
    assert read_measurement(RUNS / "crash_loop").dead_on_request == 0
    in_request = read_measurement(RUNS / "crash_loop_in_request")
    assert in_request.dead_on_request == in_request.crashed > 0


def test_workers_that_never_answer_are_counted_and_the_longest_exit_is_timed() -> None:
    assert read_measurement(RUNS / "hung_request").hung_in_request > 0
    assert read_measurement(RUNS / "recovers").hung_in_request == 0
    healthy, hung = (read_measurement(RUNS / name).exit_max_s for name in ("recovers", "hung_exit"))
    assert healthy is not None
    assert hung is not None
    assert 0 < healthy < 1 < hung
    assert read_measurement(RUNS / "crash_loop").exit_max_s is None


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (HEALTHY, ""),
        (HUNG, "hung_worker"),
        (replace(HUNG, verdict="crash_loop"), "crash_loop"),
        (replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s=SLOW_TO_END), SLOW_EXIT),
        (replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s=SLOW_TO_END, verdict="invalid"), ""),
        (replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s=SLOW_TO_END | {"start": 31.0}), ""),
        (replace(HEALTHY, stop_signal="KILL", unstopped=[IN_EXIT]), SLOW_STOP),
        (replace(HEALTHY, stop_signal="KILL", unstopped=[IN_EXIT | {"starting": True}]), ""),
        (replace(HEALTHY, stop_signal="KILL", unstopped=[IN_EXIT | {"frames": ["epoll_wait"]}]), ""),
        (replace(HEALTHY, recycle_median_s=2.9, recycle_phases_s=SLOW_TO_END | {"exit": 2.0}), ""),
        (replace(HEALTHY, requests=200, lost={"timeout": 4, "closed": 3}), LOST_REQUESTS),
        (replace(HEALTHY, requests=200, lost={"timeout": 4, "closed": 1}), ""),
        (replace(HEALTHY, requests=20, lost={"timeout": 4}), ""),
        (replace(HEALTHY, recycle_median_s=3.3, recycle_phases_s=SLOW_TO_END | {"exit": 2.4}), ""),
    ],
)
def test_a_problem_is_a_verdict_or_a_slow_exit(run: Measurement, problem: str) -> None:
    assert run.problem == problem
