"""How many respawns a check takes where a known defect hits only some of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_builders import HEALTHY, findings

from stacks.check.check_runs import FEWEST_RESPAWNS, MOST_RESPAWNS, CheckRuns
from stacks.check.invocation import Invocation
from stacks.check.known_rates import MISS, partial_defect, respawns_to_see
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.result_text import number_lines


@pytest.mark.parametrize(
    ("version", "threads", "expected"),
    [
        ("2.0.21-debian", "2", "exit-stall"),
        ("2.0.23", "4 ; four", "exit-stall"),
        ("2.0.21-debian", "1", None),
        ("2.0.24", "2", "exit-stall"),
        ("2.0.25.1", "2", None),
        ("2.0.31+dfsg", "8", None),
    ],
)
def test_the_exit_stall_is_known_of_old_versions_with_threads(version: str, threads: str, expected: str | None) -> None:
    defect = partial_defect(version, [("threads", threads)])
    assert (defect.name if defect else None) == expected


def test_the_exit_stall_is_cured_by_skip_atexit_teardown() -> None:
    assert partial_defect("2.0.21", [("threads", "2"), ("skip-atexit-teardown", "true")]) is None


def test_so_many_respawns_miss_the_defect_rarely() -> None:
    for rate in (0.12, 0.5):
        count = respawns_to_see(rate)
        assert (1 - rate) ** count <= MISS < (1 - rate) ** (count - 1)


def test_the_runs_of_a_check_and_of_its_remedies_want_as_many() -> None:
    def plan(fewest: int, *, is_remedy: bool) -> tuple[int, float]:
        invocation = Invocation(Path("/x/uwsgi"), None, (), {}, Path("/x"))
        runs = CheckRuns(invocation, NeutralConfiguration(workers=2), Path("/y"), "/", 60.0, fewest_respawns=fewest)
        numbers = runs.plan("socket", is_remedy=is_remedy)
        return numbers["respawns"], numbers["limit_s"]

    needed = respawns_to_see(0.12)
    assert needed > MOST_RESPAWNS
    assert [plan(needed, is_remedy=is_remedy)[0] for is_remedy in (False, True)] == [needed, needed]
    usual, usual_limit_s = plan(FEWEST_RESPAWNS, is_remedy=False)
    assert usual < MOST_RESPAWNS
    assert plan(needed, is_remedy=False)[1] > usual_limit_s


def test_the_result_says_why_it_wanted_so_many() -> None:
    old = findings(HEALTHY, ("threads", "2"), pin=None, version="2.0.21-debian")
    assert "wanted 37 respawns" in "\n".join(number_lines(old))
    assert "wanted" not in "\n".join(number_lines(findings(HEALTHY, ("threads", "2"), pin=None)))
