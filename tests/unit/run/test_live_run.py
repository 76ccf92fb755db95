"""What the verdict of a run waits for."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from stacks.run.live_run import LiveRun
from stacks.run.reporter import Reporter


@pytest.mark.parametrize(
    ("traced", "busy", "waits"),
    [
        ([], ["backtrace"], True),
        ([], [], False),
        ([100], ["backtrace"], False),  # of a second worker, which hangs like the first one
        ([100], ["backtrace", "python_threads"], True),  # this look names the line at which the request waits
        ([100], ["python_threads"], True),
    ],
)
def test_a_backtrace_is_enough_if_no_look_at_threads_is_under_way(
    traced: list[int], busy: list[str], waits: bool
) -> None:
    asked: list[bool] = []

    def until(condition: Callable[[], bool], _limit_s: float) -> None:
        asked.append(condition())

    lifecycle = SimpleNamespace(deadlocks=lambda: {100, 101}, hangs=SimpleNamespace(has_backtrace=traced.__contains__))
    collectors = [SimpleNamespace(name=name, busy=name in busy) for name in ("log", "backtrace", "python_threads")]
    observer = SimpleNamespace(lifecycle=lifecycle, collectors=collectors, until=until)
    LiveRun(observer, SimpleNamespace(), 1, Reporter()).await_evidence(20.0)  # type: ignore[arg-type]
    assert asked == [not waits]
