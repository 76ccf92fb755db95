"""What a master does besides its usual work, as the ends and the forks of its workers show it."""

from __future__ import annotations

from types import SimpleNamespace

from stacks.observe.child import Child
from stacks.observe.ends import RELOADED
from stacks.watch.activity import Activity
from stacks.watch.view import CHAIN, RELOADING

STATUS = RELOADED << 8


class Master:
    """A master with the slots 1, 2 and 3, and what its watch is told."""

    def __init__(self) -> None:
        self.activity = Activity()
        self.follower = SimpleNamespace(children={}, vacant={}, master=SimpleNamespace(wait=b""), now_s=0.0)
        for slot in (1, 2, 3):
            self.fork(slot, None)

    def fork(self, slot: int, status: int | None) -> None:
        child = self.follower.children[slot] = Child(slot, 0, 0.0)
        child.slot, child.is_ready = slot, True
        self.follower.vacant.pop(slot, None)
        self.activity.forked(slot, status, 0.0)

    def end(self, slot: int) -> None:
        child = self.follower.vacant[slot] = self.follower.children.pop(slot)
        child.status = STATUS

    def doing(self) -> str:
        return self.activity.now(self.follower, is_hung=False)  # type: ignore[arg-type]


def test_a_worker_that_a_reload_brings_back_late_is_no_step_of_a_chain() -> None:
    """On a busy machine the first worker was ready before the second one was forked: the watch told of a chain."""
    master = Master()
    for slot in (1, 2, 3):
        master.end(slot)
    assert master.doing() == RELOADING
    master.activity.reloaded([1, 2, 3])
    seen = []
    for slot in (1, 2, 3):
        master.fork(slot, STATUS)
        seen.append(master.doing())
    assert CHAIN not in seen
    assert seen[-1] == ""


def test_a_chain_after_a_reload_is_told() -> None:
    master = Master()
    master.activity.reloaded([1, 2, 3])
    for slot in (1, 2, 3):
        master.fork(slot, STATUS)
    assert master.doing() == ""
    seen = []
    for slot in (1, 2, 3):
        master.end(slot)
        master.fork(slot, STATUS)
        seen.append(master.doing())
    assert seen == [CHAIN, CHAIN, ""]
