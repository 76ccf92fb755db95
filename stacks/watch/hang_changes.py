"""Finds out which workers of a watched master hang, and tells when one begins to hang and when it moves again."""

from __future__ import annotations

from typing import Any, Protocol

from stacks.lifecycle.hangs import Proof
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.observe.follower import Follower
from stacks.watch import proofs, view


class Tell(Protocol):
    """Tells one change; `Watch` has it."""

    def __call__(self, kind: str, pid: int, slot: int | None = None, text: str = "", **data: Any) -> None: ...


class HangChanges:
    """The hung workers of one master, and whether the master itself stands still, as of the last `judge`."""

    def __init__(self, lifecycle: Lifecycle, follower: Follower, tell: Tell) -> None:
        self.workers: dict[int, tuple[Proof, str]] = {}  # pid -> proof, and where it hangs
        self.master = ""  # why the master is known to stand still
        self._lifecycle, self._follower, self._tell = lifecycle, follower, tell

    def judge(self) -> None:
        """Ask the lifecycle for proofs about the workers that are looked at closely, and about the master."""
        hangs, follower = self._lifecycle.hangs, self._follower
        for child in follower.looks.near():
            if not child.slot or child is follower.master:
                continue
            proof, where = proofs.proof_of(hangs, child)
            if proof is not None and child.pid not in self.workers:
                self.workers[child.pid] = (proof, where)
                data = proofs.facts(hangs, child, proof, where, follower.clock())
                self._tell(view.WORKER_HUNG, child.pid, child.slot, proofs.describe(child, proof, where), **data)
            elif proof is None and child.pid in self.workers:
                self._moves(child.pid, child.slot)
        for pid in [pid for pid in self.workers if pid in follower.children]:
            child = follower.children[pid]
            if proofs.proof_of(hangs, child)[0] is None:
                self._moves(pid, child.slot)
        self._judge_master()

    def end(self, pid: int, slot: int | None) -> None:
        """Take in that a worker has ended."""
        if self.workers.pop(pid, None) is not None:
            self._tell(view.WORKER_MOVES, pid, slot, f"worker {slot}, which hung, has ended")

    def _moves(self, pid: int, slot: int | None) -> None:
        del self.workers[pid]
        self._tell(view.WORKER_MOVES, pid, slot, f"worker {slot}, which hung, moves again")

    def _judge_master(self) -> None:
        hang = self._lifecycle.master_hang()
        if bool(hang) != bool(self.master):
            kind = view.MASTER_HUNG if hang else view.MASTER_MOVES
            self._tell(kind, self._follower.master.pid, text=hang or "the master moves again")
        self.master = hang
