"""Further starts of a configuration whose master has threads: when they are taken, and what they say together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, findings

from stacks import catalogue
from stacks.check.answer import answer_lines
from stacks.check.further_starts import STARTS, WORKERS, counts, describe_starts, is_at_risk, starts_at_once, together
from stacks.check.hang_advice import hang_advice
from stacks.check.measurement import Measurement
from stacks.check.paste_lines import PastePlace
from stacks.check.result_text import number_lines

THREADED = replace(HEALTHY, master_threads=3)
SLOW = replace(THREADED, recycle_phases_s={"exit": 30.0, "reap": 0.5, "start": 0.4})


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (HEALTHY, False),
        (THREADED, True),
        (replace(THREADED, error="no worker was ready"), False),
        (replace(HUNG, master_threads=3), False),
        (SLOW, False),
        (replace(SLOW, recycle_phases_s={"exit": 5.0, "reap": 0.5, "start": 0.4}), True),
        (replace(THREADED, lost={"timeout": 20}), True),
    ],
)
def test_only_a_healthy_run_with_threads_in_the_master_is_at_risk(run: Measurement, expected: bool) -> None:
    assert is_at_risk(run) is expected


def test_starts_that_come_back_are_one_measurement_with_all_their_respawns() -> None:
    run = together([THREADED, *[replace(THREADED, directory=f"start-{n}", respawns=22) for n in range(STARTS)]])
    assert (run.verdict, run.starts, run.failed_starts, run.directory) == ("recovers", 9, 0, THREADED.directory)
    assert (run.respawns, run.trials) == (12 + 8 * 22, 188)
    assert run.reason == "12 of 12; in all, 188 of 188 respawns came back on 9 starts"
    said = "\n".join(number_lines(findings(run)))
    assert f"started the configuration 9 times, from the second time on with {WORKERS} workers" in said
    assert "188 respawns without a hang rule out that more than 2.0 % of the respawns hang" in said
    assert "and 9 starts that more than 30 % of the starts do (95 %)" in said
    answer = "\n".join(answer_lines(findings(run), 8, [], "recovers", None, PastePlace("ini", "x"), []))
    assert (
        "188 of 188 respawns came back on 9 starts, so at most 2 % hang (95 %), and at most 30 % of the starts"
        in answer
    )


def test_one_start_that_hangs_decides() -> None:
    hung = replace(HUNG, directory="start-3", evidence="waits for the GIL", master_threads=3)
    run = together([THREADED, replace(THREADED, directory="start-2"), hung])
    assert (run.verdict, run.starts, run.failed_starts, run.directory) == ("hung_worker", 3, 1, "start-3")
    assert (run.respawns, run.hung, run.evidence) == (24, 4, "waits for the GIL")
    assert run.reason == "4 workers hung; in 1 of 3 starts"
    assert describe_starts(run).endswith("workers did not come back in 1 start.")
    assert "4 of 28 workers hung, in 1 of 3 starts" in hang_advice(findings(run), catalogue.load().defects)[0]


@pytest.mark.parametrize(
    ("memory_mib", "workers", "room_mib", "expected"),
    [
        (100.0, 4, 8000.0, 4),
        (500.0, 4, 8000.0, 2),
        (3000.0, 4, 8000.0, 0),
        (3000.0, 32, 8000.0, 1),
        (None, 4, 100.0, 4),
    ],
)
def test_further_starts_fit_into_the_memory(
    memory_mib: float | None, workers: int, room_mib: float, expected: int
) -> None:
    assert starts_at_once(replace(THREADED, memory_mib=memory_mib), workers, room_mib) == expected


@pytest.mark.parametrize(
    ("verdict", "respawns", "reason", "expected"),
    [
        ("recovers", 21, "", True),
        ("hung_exit", 0, "", True),
        ("invalid", 12, "12 respawns seen, 21 wanted: too few to say anything.", True),
        ("invalid", 0, "0 respawns seen, 21 wanted: too few to say anything.", False),
        ("invalid", 12, "the observer was held up for 7.0 s: repeat the run", False),
        ("crash_loop", 0, "3 workers died", False),
    ],
)
def test_a_start_counts_if_it_tells_something(verdict: str, respawns: int, reason: str, expected: bool) -> None:
    assert counts(replace(THREADED, verdict=verdict, respawns=respawns, reason=reason), 21) is expected


def test_one_start_says_nothing_about_starts() -> None:
    assert together([HEALTHY]) == HEALTHY
    assert describe_starts(HEALTHY) == ""


def test_a_worker_that_never_answers_has_a_request_also_if_that_has_just_begun() -> None:
    hung = replace(THREADED, verdict="hung_request", directory="start-3", hung_in_request=1)
    run = together([THREADED, hung])
    answer = "\n".join(answer_lines(findings(run), 8, [], "hung_request", None, PastePlace("ini", "x"), []))
    assert "1 worker has a request that it never answers" in answer
    assert "no request was lost" not in answer
