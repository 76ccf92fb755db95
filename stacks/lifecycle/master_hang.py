"""Decides whether a master hangs, and why: it does not end, does not reap dead workers, or ignores a trigger."""

from __future__ import annotations

from stacks.lifecycle.masters import Masters
from stacks.lifecycle.stopping import OVERDUE_S
from stacks.lifecycle.workers import REAP_LOOP_S, Workers

# The master reaps once a second (`check_interval`, core/master.c) and may sleep for 2 s when it throttles
# (`forkbomb-delay`). A dead worker that is not reaped for this long is not explained by any of these delays.
UNREAPED_S = 10.0
LOOP_S = 5.0  # a master whose loop turns once a second (core/master.c) has missed five turns


def unreaped_s(workers: Workers, now_ns: int) -> float:
    """Return for how many seconds the longest dead worker has waited for its successor; 0 if no worker waits."""
    dead_ns = [i.exited_ns for i in workers.current().values() if i.exited_ns is not None and not i.is_retired]
    return max(((now_ns - exited_ns) / 1e9 for exited_ns in dead_ns), default=0.0)


def master_hang(masters: Masters, now_ns: int) -> str:
    """Return the reason why a master is known to hang, or ''."""
    return _overdue_master(masters, now_ns) or _stuck_master(masters, now_ns)


def _overdue_master(masters: Masters, now_ns: int) -> str:
    """Find a master that was told to stop and outlived its last worker by too much."""
    for pid, stop in masters.stops.items():
        starved_s = masters.workers.hangs.starved_s(pid)
        if stop.is_master_overdue(masters.workers.exited_ns(stop.worker_pids), now_ns, starved_s):
            which = "the master" if pid == masters.pid else "the old master"
            return f"{which} was told to leave and is there {stop.mercy_s + OVERDUE_S:.0f} s after its last worker"
    return ""


def _stuck_master(masters: Masters, now_ns: int) -> str:
    """Find out whether the current master stands still although it has something to do."""
    hangs, trigger = masters.workers.hangs, masters.pending_trigger
    dead_s, pending_s = unreaped_s(masters.workers, now_ns), masters.pending_trigger_s(now_ns)
    stands = hangs.rest_s(masters.pid) >= UNREAPED_S and not hangs.waits_for_events(masters.pid)
    if masters.workers.is_attached and stands:
        return f"the master is stuck: its loop turns once a second and has stood for {UNREAPED_S:.0f} s"
    if not masters.pid or max(dead_s, pending_s) < REAP_LOOP_S:
        return ""
    proof = hangs.proof(masters.pid)
    if proof is not None:
        missed = f"a dead worker was not reaped for {dead_s:.1f} s"
        if dead_s < REAP_LOOP_S:
            missed = f"nothing has come of {trigger!r} for {pending_s:.1f} s"
        return f"the master is stuck: {proof.text}; {missed}"
    if pending_s >= LOOP_S and hangs.rest_s(masters.pid) >= LOOP_S:
        return (
            f"the master is stuck: its loop turns once a second and has stood for {LOOP_S:.0f} s; "
            f"nothing has come of {trigger!r}"
        )
    if dead_s >= UNREAPED_S and hangs.is_still(masters.pid, UNREAPED_S):
        return f"the master used no CPU and did not reap a dead worker for {dead_s:.0f} s"
    return ""
