"""Pictures of watched uWSGIs and changes of them, for tests of what shows or exports them."""

from __future__ import annotations

from typing import Any

from stacks.watch.view import HUNG, IDLE, WORKER_HUNG, Change, InstanceView, WorkerView

MASTER = 100


def worker(slot: int | None, pid: int, state: str = IDLE, **more: Any) -> WorkerView:
    """One worker; `more` replaces any of its values."""
    hang = {"reason": "it waits for ever", "where": "at_fork", "evidence": "futex"} if state == HUNG else {}
    values: dict[str, Any] = {
        **{"slot": slot, "pid": pid, "inner_pid": None, "state": state, "reason": "", "where": "", "evidence": ""},
        **{
            "state_s": 1.0,
            "age_s": 2.0,
            "requests": 0,
            "last_respawn": None,
            "cpu": 0.1,
            "rss_kib": 100,
            "respawns": 0,
        },
    }
    return WorkerView(**(values | hang | more))


def instance(*workers: WorkerView, **more: Any) -> InstanceView:
    """One uWSGI with these workers; `more` replaces any of its values."""
    values: dict[str, Any] = {
        **{"t_ns": 1, "master_pid": MASTER, "master_inner_pid": None, "name": "app.ini", "is_alive": True},
        **{"workers": workers, "respawns": {}, "hung": sum(one.state == HUNG for one in workers), "queues": ()},
        **{"ready_s": (), "doing": "", "master_hang": "", "reloads": 0, "watched_s": 9.0, "respawn_history": (0,) * 60},
        **{"blind": (), "other_pids": ()},
    }
    return InstanceView(**(values | more))


def hang_of(one: WorkerView, **data: Any) -> Change:
    """The change that tells that this worker hangs."""
    known = {"reason": one.reason, "where": one.where, "evidence": one.evidence, "hung_s": one.age_s}
    return Change(5, WORKER_HUNG, MASTER, one.pid, one.slot, f"worker {one.slot} hangs", known | data)
