"""The numbers of a plan and of its runs, and the errors of the command line, all at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stacks.campaign.plan import make_plan, run_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import UsageError, load

KNOWN = load()


def test_every_wrong_name_and_number_is_an_error_at_once_with_the_right_ones() -> None:
    options = PlanOptions(
        stack="thread,plain",
        version="2.0.99",
        scenario="stedy",
        trials=0,
        users=-1,
        duration_s=float("nan"),
        workers=10**6,
        confidence=0.01,
    )
    with pytest.raises(UsageError) as caught:
        make_plan(KNOWN, options)
    errors = str(caught.value).splitlines()
    (stack,) = [error for error in errors if error.startswith("no stack thread ")]
    assert stack.startswith("no stack thread (did you mean threads or threads1 or ")
    assert stack.endswith(f"; `python -m stacks list` shows all {len(KNOWN.stacks)}")
    [version] = [line for line in errors if line.startswith("no version 2.0.99 (did you mean 2.0.29?)")]
    assert "py312-2.0.26" not in version  # there are fifty ids: too many to list
    assert all(name in version for name in ("2.0.30.post1", "3.13", "stacks list"))
    (scenario,) = [error for error in errors if error.startswith("no scenario stedy")]
    assert "(did you mean steady?)" in scenario
    assert scenario.endswith("; or name the path of a locustfile")
    assert "TRIALS: 0 is not between 1 and 1000" in errors
    assert [line.split(":")[0] for line in errors if " is not between " in line] == [
        "TRIALS",
        "USERS",
        "DURATION",
        "WORKERS",
    ]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_confidence_that_is_no_share_is_an_error(share: float) -> None:
    with pytest.raises(UsageError, match="CONFIDENCE"):
        make_plan(KNOWN, PlanOptions(confidence=share))


def test_a_locustfile_may_be_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.touch()
    plan, _, scenario = make_plan(KNOWN, PlanOptions(scenario=str(path)))
    assert (plan.scenario, scenario) == ("mine", path)
    with pytest.raises(UsageError, match="no scenario"):
        make_plan(KNOWN, PlanOptions(scenario=str(tmp_path)))


def test_numbers_of_the_command_line_replace_those_of_the_plan() -> None:
    plan, _, _ = make_plan(KNOWN, PlanOptions(trials=5, users=7, duration_s=1.5, workers=3, max_requests=9, seed=0))
    assert (plan.trials, plan.users, plan.duration_s, plan.workers, plan.max_requests, plan.seed) == (
        5,
        7,
        1.5,
        3,
        9,
        0,
    )
    assert plan.respawns == KNOWN.plan.respawns


def test_options_of_uwsgi_are_planned_under_their_own_names_and_the_others_are_left_to_the_stack() -> None:
    options = PlanOptions(threads=2, max_requests_delta=0, min_worker_lifetime=60, listen=1024)
    assert run_plan(KNOWN.plan, options, KNOWN.stacks["plain"])["options"] == {
        "threads": 2,
        "max-requests-delta": 0,
        "min-worker-lifetime": 60,
        "listen": 1024,
    }
    assert run_plan(KNOWN.plan, PlanOptions(), KNOWN.stacks["plain"])["options"] == {}
    with pytest.raises(UsageError, match="THREADS: 0 is not between 1 and 1024\nLISTEN: 0 is not"):
        make_plan(KNOWN, PlanOptions(threads=0, listen=0))


def test_an_app_of_the_user_and_its_environment_are_planned(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.touch()
    options = PlanOptions(stack="plain", app=str(path), env="A=1 B='x y'", rate=50.5)
    _, cells, _ = make_plan(KNOWN, options)
    assert {cell.stack.app for cell in cells} == {str(path)}
    planned = run_plan(KNOWN.plan, options, KNOWN.stacks["plain"])
    assert planned["options"] == {"pythonpath": str(tmp_path), "env": ["A=1", "B=x y"]}
    assert planned["rate"] == 50.5


def test_a_missing_app_and_a_malformed_environment_are_errors_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(KNOWN, PlanOptions(app=str(tmp_path / "none.py"), env="A", rate=0))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["RATE", "ENV", "APP"]
    with pytest.raises(UsageError, match="NAME=VALUE"):
        make_plan(KNOWN, PlanOptions(env="A='1"))


@pytest.mark.parametrize(
    ("threads", "version", "verdict"),
    [
        (None, "py312-2.0.26", "recovers"),
        (1, "py312-2.0.26", "hung_worker"),
        (2, "py311-2.0.23.post0", "hung_exit"),
        (1, "py311-2.0.23.post0", "recovers"),
        (4, "py312-2.0.30.post1", "recovers"),
    ],
)
def test_threads_of_the_command_line_bring_their_defects_to_every_stack(
    threads: int | None, version: str, verdict: str
) -> None:
    _, cells, _ = make_plan(KNOWN, PlanOptions(stack="plain", version=version, threads=threads))
    assert [cell.expected for cell in cells] == [verdict]


def test_confidence_spreads_its_respawns_over_the_runs() -> None:
    plan, _, _ = make_plan(KNOWN, PlanOptions(confidence=0.01, trials=4))
    assert plan.respawns == 96  # 381 / 4


def test_a_number_comes_from_the_command_line_else_the_stack_else_the_plan() -> None:
    stack = replace(KNOWN.stacks["threads"], workers=2, respawns=4)
    bare = KNOWN.stacks["threads"]
    plan = KNOWN.plan
    assert run_plan(plan, PlanOptions(), bare)["workers"] == plan.workers
    assert run_plan(plan, PlanOptions(), stack)["workers"] == 2
    assert run_plan(plan, PlanOptions(workers=8), stack)["workers"] == 8
    assert [run_plan(plan, PlanOptions(), s)["respawns"] for s in (bare, stack)] == [plan.respawns, 4]
    assert run_plan(replace(plan, respawns=75), PlanOptions(confidence=0.01), stack)["respawns"] == 75


@pytest.mark.parametrize(("workers", "wanted"), [(None, 12), (4, 12), (2, 6), (1, 3), (16, 12)])
def test_with_fewer_workers_a_trigger_makes_fewer_respawns(workers: int | None, wanted: int) -> None:
    assert run_plan(KNOWN.plan, PlanOptions(workers=workers), KNOWN.stacks["reload"])["respawns"] == wanted
    assert run_plan(KNOWN.plan, PlanOptions(workers=workers), KNOWN.stacks["lifetime"])["respawns"] == 8
