"""Lists the workers that are stuck, or were stuck when they ended: in a request, at their exit, or beyond mercy."""

from __future__ import annotations

from stacks.lifecycle.hangs import Proof
from stacks.lifecycle.workers import Workers


def deadlocks(workers: Workers) -> dict[int, Proof]:
    """Return the workers that served and will not answer any more, with the proof. Those that have left count."""
    before = {worker.pid: worker.deadlock for worker in workers.every() if worker.deadlock}
    return before | {pid: proof for pid in workers.ready() if (proof := workers.hangs.deadlock(pid))}


def stuck_at_exit(workers: Workers, now_ns: int) -> list[int]:
    """Return the workers that served and got stuck while they left, without those that have an episode hung_at_exit.

    Such a worker was proven to hang at its exit before it ended, was killed by its master, ended too late, or is
    deadlocked because one of its threads waits for the end of another (it got stuck before it said goodbye).
    """
    silent = {pid for pid, proof in deadlocks(workers).items() if proof.at_exit}
    return [
        worker.pid
        for worker in workers.every()
        if worker.ready_ns is not None
        and (
            worker.hang
            or worker.is_killed
            or worker.pid in silent
            or (worker.exited_ns is not None and worker.is_overdue(now_ns, workers.mercy_s))
        )
    ]


def overdue_pids(workers: Workers, now_ns: int) -> list[int]:
    """Return the workers that were told to leave and lived, or live, longer than worker-reload-mercy allows."""
    mercy_s = workers.mercy_s
    return [worker.pid for worker in workers.every() if worker.is_overdue(now_ns, mercy_s)]
