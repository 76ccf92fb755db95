"""Counts the workers that crash while they leave: after their last request, in the clean-up of Python or of a library.

Such a worker comes back like any other, so no verdict tells it. But what stands behind the crash does not run: the
functions of atexit, and buffers that a library sends at the end.
"""

from __future__ import annotations

from typing import NamedTuple

from stacks.lifecycle.lifecycle import Lifecycle

# uWSGI catches a segmentation fault, writes a backtrace, and ends with this status (uwsgi_segfault in core/uwsgi.c).
# A worker that leaves as it should has the status 0, or the code of a reload (15 or more).
CAUGHT = 1
CRASHES = {4, 6, 7, 8, 11}  # SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV of Linux


class ExitCrashes(NamedTuple):
    """How many workers crashed while they left, of all that ended after they had begun to leave."""

    crashed: int
    left: int


def exit_crashes(lifecycle: Lifecycle) -> ExitCrashes:
    """Count them in the rows up to the verdict: those that leave at the stop come after it."""
    workers = lifecycle.workers.every()
    left = [worker for worker in workers if worker.exit_begun_ns is not None and worker.exited_ns is not None]
    return ExitCrashes(sum(worker.exit_status == CAUGHT or worker.signal in CRASHES for worker in left), len(left))
