"""A uWSGI of the user under load: what a run says when it has seen too few respawns, and that it is not stopped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stacks.lifecycle.verdict import Judgement
from stacks.run.attached_instance import UNWATCHED, AttachedInstance
from stacks.run.run_directory import PlannedRun


def attached(pid: int) -> AttachedInstance:
    plan = {"attached": {"pid": pid, "port": 8000}, "respawns": 20}
    return AttachedInstance(PlannedRun(Path(), Path(), {"plan": plan, "paths": {}}))


def judgement(verdict: str) -> Judgement:
    return Judgement(verdict, "Raise DURATION or WORKERS", 5, 0, 0, None)


@pytest.mark.parametrize(
    ("pid", "verdict", "reason"),
    [
        (7, "invalid", "5 respawns seen, 20 wanted: too few to say anything. Hammer it for longer."),
        (0, "invalid", UNWATCHED),
        (7, "hung_worker", "Raise DURATION or WORKERS"),
    ],
)
def test_an_invalid_run_says_what_the_user_can_do(pid: int, verdict: str, reason: str) -> None:
    found = attached(pid).explain(judgement(verdict))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_stop_is_only_a_row() -> None:
    rows: list[str] = []
    live = SimpleNamespace(observer=SimpleNamespace(emit=rows.append))
    attached(7).stop(live)  # type: ignore[arg-type]
    assert rows == ["stop"]
