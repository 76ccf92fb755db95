"""Which runs a campaign makes: narrowed by names, changed by numbers, in an order that a seed decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.campaign.plan import Asked, Cell, order, plan, run_plan
from stacks.catalogue import UsageError, load

KNOWN = load()
DEFAULT = list(KNOWN.plan.cells)


def pairs(**asked: object) -> list[tuple[str, str]]:
    made, cells, _ = plan(KNOWN, Asked(**asked))
    assert [(cell.stack.name, cell.version.id) for cell in cells] == list(made.cells)
    return list(made.cells)


def test_without_a_word_it_is_the_default_plan() -> None:
    made, cells, scenario = plan(KNOWN, Asked())
    assert made == KNOWN.plan
    assert pairs() == DEFAULT
    assert scenario == KNOWN.scenarios["steady"]
    assert [cell.expected for cell in cells].count("hung_worker") == 3


def test_a_stack_of_the_plan_keeps_its_versions() -> None:
    assert pairs(stack="threads") == [pair for pair in DEFAULT if pair[0] == "threads"]
    assert pairs(stack="threads, plain") == [pair for pair in DEFAULT if pair[0] in ("threads", "plain")]


def test_a_stack_that_the_plan_does_not_have_meets_every_version_of_it() -> None:
    versions = list(dict.fromkeys(version for _, version in DEFAULT))
    assert pairs(stack="throttle") == [("throttle", version) for version in versions]


def test_a_version_of_the_plan_keeps_its_stacks() -> None:
    assert pairs(version="py311-2.0.26") == [pair for pair in DEFAULT if pair[1] == "py311-2.0.26"]


def test_a_version_that_the_plan_does_not_have_meets_every_stack_of_it() -> None:
    stacks = list(dict.fromkeys(stack for stack, _ in DEFAULT))
    assert pairs(version="py313-2.0.30.post1") == [(stack, "py313-2.0.30.post1") for stack in stacks]


def test_a_pin_stands_for_the_pythons_that_the_plan_has_it_with_or_for_all() -> None:
    assert {version for _, version in pairs(version="2.0.26")} == {"py312-2.0.26", "py311-2.0.26"}
    assert {version for _, version in pairs(version="2.0.29")} == {f"py3{minor}-2.0.29" for minor in range(10, 15)}


def test_a_stack_and_a_version_are_taken_at_their_word() -> None:
    assert pairs(stack="osafterfork threads", version="py313-2.0.30.post1") == [
        ("osafterfork", "py313-2.0.30.post1"),
        ("threads", "py313-2.0.30.post1"),
    ]


def test_a_name_said_twice_is_one_cell() -> None:
    assert pairs(stack="threads,threads", version="2.0.26,py312-2.0.26") == [
        ("threads", "py311-2.0.26"),
        ("threads", "py312-2.0.26"),
    ]


@given(
    st.lists(st.sampled_from(sorted(KNOWN.stacks)), max_size=3),
    st.lists(st.sampled_from(list(KNOWN.versions)), max_size=3),
)
def test_whatever_is_named_there_is_a_cell_for_it_and_none_twice(stacks: list[str], versions: list[str]) -> None:
    found = pairs(stack=",".join(stacks), version=" ".join(versions))
    assert len(found) == len(set(found)) > 0
    assert {stack for stack, _ in found} >= set(stacks)
    ids = set(versions)
    assert {version for _, version in found} >= ids
    if stacks:
        assert {stack for stack, _ in found} == set(stacks)
    if versions:
        assert {version for _, version in found} == ids


def test_every_wrong_name_and_number_is_told_at_once_with_the_right_ones() -> None:
    asked = Asked(
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
        plan(KNOWN, asked)
    told = str(caught.value).splitlines()
    assert f"no stack thread (did you mean threads?); there are: {', '.join(KNOWN.stacks)}" in told
    [version] = [line for line in told if line.startswith("no version 2.0.99 (did you mean 2.0.29?)")]
    assert "py312-2.0.26" not in version  # of fifty ids
    assert all(name in version for name in ("2.0.30.post1", "3.13", "stacks list"))
    assert f"no scenario stedy; there are: {', '.join(KNOWN.scenarios)}, or the path of a locustfile" in told
    assert "TRIALS: 0 is not between 1 and 1000" in told
    assert [line.split(":")[0] for line in told if " is not between " in line] == [
        "TRIALS",
        "USERS",
        "DURATION",
        "WORKERS",
    ]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="CONFIDENCE"):
        plan(KNOWN, Asked(confidence=share))


def test_a_locustfile_may_be_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.touch()
    made, _, scenario = plan(KNOWN, Asked(scenario=str(path)))
    assert (made.scenario, scenario) == ("mine", path)
    with pytest.raises(UsageError, match="no scenario"):
        plan(KNOWN, Asked(scenario=str(tmp_path)))


def test_numbers_said_replace_the_plans() -> None:
    made, _, _ = plan(KNOWN, Asked(trials=5, users=7, duration_s=1.5, workers=3, max_requests=9, seed=0))
    assert (made.trials, made.users, made.duration_s, made.workers, made.max_requests, made.seed) == (
        5,
        7,
        1.5,
        3,
        9,
        0,
    )
    assert made.respawns == KNOWN.plan.respawns


def test_options_of_uwsgi_said_are_planned_under_their_own_names_and_the_rest_is_left_to_the_stack() -> None:
    asked = Asked(threads=2, max_requests_delta=0, min_worker_lifetime=60, listen=1024)
    assert run_plan(KNOWN.plan, asked, KNOWN.stacks["plain"])["options"] == {
        "threads": 2,
        "max-requests-delta": 0,
        "min-worker-lifetime": 60,
        "listen": 1024,
    }
    assert run_plan(KNOWN.plan, Asked(), KNOWN.stacks["plain"])["options"] == {}
    with pytest.raises(UsageError, match="THREADS: 0 is not between 1 and 1024\nLISTEN: 0 is not"):
        plan(KNOWN, Asked(threads=0, listen=0))


def test_somebodys_own_app_and_its_environment(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.touch()
    asked = Asked(stack="plain", app=str(path), env="A=1 B='x y'", rate=50.5)
    _, cells, _ = plan(KNOWN, asked)
    assert {cell.stack.app for cell in cells} == {str(path)}
    planned = run_plan(KNOWN.plan, asked, KNOWN.stacks["plain"])
    assert planned["options"] == {"pythonpath": str(tmp_path), "env": ["A=1", "B=x y"]}
    assert planned["rate"] == 50.5


def test_an_app_that_is_not_there_and_a_strange_environment_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        plan(KNOWN, Asked(app=str(tmp_path / "none.py"), env="A", rate=0))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["RATE", "ENV", "APP"]
    with pytest.raises(UsageError, match="NAME=VALUE"):
        plan(KNOWN, Asked(env="A='1"))


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
def test_threads_said_meet_what_threads_meet_whatever_the_stack(
    threads: int | None, version: str, verdict: str
) -> None:
    _, cells, _ = plan(KNOWN, Asked(stack="plain", version=version, threads=threads))
    assert [cell.expected for cell in cells] == [verdict]


def test_confidence_spreads_them_over_the_runs() -> None:
    made, _, _ = plan(KNOWN, Asked(confidence=0.01, trials=4))
    assert made.respawns == 75  # 299 / 4


def test_a_run_takes_its_numbers_from_the_command_line_else_the_stack_else_the_plan() -> None:
    stack = replace(KNOWN.stacks["threads"], workers=2, respawns=4)
    bare = KNOWN.stacks["threads"]
    made = KNOWN.plan
    assert run_plan(made, Asked(), bare)["workers"] == made.workers
    assert run_plan(made, Asked(), stack)["workers"] == 2
    assert run_plan(made, Asked(workers=8), stack)["workers"] == 8
    assert [run_plan(made, Asked(), s)["respawns"] for s in (bare, stack)] == [made.respawns, 4]
    assert run_plan(replace(made, respawns=75), Asked(confidence=0.01), stack)["respawns"] == 75


@pytest.mark.parametrize(("workers", "wanted"), [(None, 12), (4, 12), (2, 6), (1, 3), (16, 12)])
def test_fewer_workers_make_fewer_respawns_where_a_trigger_makes_them(workers: int | None, wanted: int) -> None:
    assert run_plan(KNOWN.plan, Asked(workers=workers), KNOWN.stacks["reload"])["respawns"] == wanted
    assert run_plan(KNOWN.plan, Asked(workers=workers), KNOWN.stacks["lifetime"])["respawns"] == 8


CELLS = [Cell(KNOWN.stacks[s], KNOWN.versions[v], "recovers") for s, v in DEFAULT]


@given(st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**31))
def test_each_round_has_every_cell_once(cells: int, trials: int, seed: int) -> None:
    runs = order(CELLS[:cells], trials, seed)
    assert Counter(runs) == Counter((i, t) for i in range(cells) for t in range(1, trials + 1))
    for number in range(trials):
        assert {trial for _, trial in runs[number * cells : (number + 1) * cells]} == {number + 1}
    assert order(CELLS[:cells], trials, seed) == runs


def test_the_seed_decides_the_order_and_rounds_differ() -> None:
    assert len({tuple(order(CELLS, 2, seed)) for seed in range(20)}) == 20
    runs = [index for index, _ in order(CELLS, 2, 1)]
    assert runs[:8] != runs[8:]
