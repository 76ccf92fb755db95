"""Workers that crash while they leave are counted, whatever came of their slots."""

from __future__ import annotations

import signal

import pytest
from rows import generation, lifecycle, row

from stacks.lifecycle.exit_crashes import exit_crashes


@pytest.mark.parametrize(
    ("end", "crashed"),
    [
        ({"exit_status": 1}, 1),
        ({"signal": signal.SIGSEGV}, 1),
        ({"signal": signal.SIGABRT}, 1),
        ({"exit_status": 0}, 0),
        ({"exit_status": 17}, 0),  # the code of a reload
        ({"signal": signal.SIGKILL}, 0),  # the master's, when its mercy is over
    ],
)
def test_a_crash_counts_after_the_worker_has_said_goodbye(end: dict[str, int], crashed: int) -> None:
    leaves = [row(1.0, "exit_begun", 100), row(1.1, "exited", 100, source="exits", **end)]
    assert exit_crashes(lifecycle(generation(100), leaves)) == (crashed, 1)


def test_a_worker_that_dies_in_a_request_is_no_exit_crash() -> None:
    assert exit_crashes(lifecycle(generation(100), [row(1.0, "exited", 100, source="exits", signal=11)])) == (0, 0)
