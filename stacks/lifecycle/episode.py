"""Builds episodes: each is one change of incarnation in a worker slot, with its times and its outcome."""

from __future__ import annotations

import math
from typing import NamedTuple

from stacks.lifecycle.hangs import Hangs
from stacks.lifecycle.incarnation import Incarnation


class Episode(NamedTuple):
    """One change of incarnation in a worker slot. A time that was not seen is None; the episode is never left out.

    It is a tuple because a judge of a long run makes tens of thousands: a frozen dataclass takes three times as long.
    """

    slot: int
    generation: int  # 0: the first incarnation of a slot, forked before the load began: no exit precedes it
    pid: int | None  # of the new incarnation; None until it is forked
    previous_pid: int | None
    exit_begun_ns: int | None  # of the previous incarnation, as `exited_ns`
    exited_ns: int | None
    forked_ns: int | None  # of the new incarnation, as `ready_ns`
    ready_ns: int | None
    outcome: str  # ready, hung_at_fork, hung_at_exit, killed, crashed, undecided
    decided_ns: int | None  # the moment from which the outcome was certain
    cause: str

    @property
    def is_respawn(self) -> bool:
        """True if the episode is a trial of the hang rate: a respawn with the outcome ready or hung_at_fork."""
        return self.generation > 0 and self.outcome in ("ready", "hung_at_fork")

    @property
    def respawn_s(self) -> float:
        """The seconds from the moment when the old worker began to exit until the new worker was ready.

        A worker that crashed never began to exit, so its time counts from its end. The value is infinite if the new
        worker is known not to become ready: without such episodes, only survivors would be timed. It is NaN for the
        first generation and for an episode that was undecided when the rows ended.
        """
        if self.generation == 0 or self.outcome == "undecided":
            return math.nan
        if self.outcome != "ready":
            return math.inf
        marks = (self.exit_begun_ns, self.exited_ns, self.forked_ns)
        begun = next((mark for mark in marks if mark is not None), None)
        return (self.ready_ns - begun) / 1e9 if begun is not None and self.ready_ns is not None else math.nan


def fork_outcome(incarnation: Incarnation, hangs: Hangs) -> tuple[str, int | None, str]:
    """Return the outcome of a fork, the moment (ns) from which it was certain, and its cause."""
    if incarnation.ready_ns is not None:
        return "ready", incarnation.ready_ns, ""
    proof = incarnation.hang
    if proof is None and incarnation.exited_ns is not None:
        outcome = "killed" if incarnation.is_killed or incarnation.is_told_to_leave else "crashed"
        return outcome, incarnation.exited_ns, incarnation.cause or "ended before it was ready"
    proof = proof or hangs.proof(incarnation.pid)
    if proof is not None:
        return "hung_at_fork", proof.since_ns, proof.text
    return "undecided", None, ""


def arrival(previous: Incarnation | None, incarnation: Incarnation, hangs: Hangs) -> Episode:
    """Build the episode in which `incarnation` follows `previous` (None for the first incarnation of a slot)."""
    if previous is not None and previous.is_retired:
        previous = None  # no successor was due, so the time for which the slot was empty is no delay
    outcome, decided_ns, cause = fork_outcome(incarnation, hangs)
    return Episode(
        slot=incarnation.slot,
        generation=incarnation.generation,
        pid=incarnation.pid,
        previous_pid=previous.pid if previous else None,
        exit_begun_ns=previous.exit_begun_ns if previous else None,
        exited_ns=previous.exited_ns if previous else None,
        forked_ns=incarnation.forked_ns,
        ready_ns=incarnation.ready_ns,
        outcome=outcome,
        decided_ns=decided_ns,
        cause=cause,
    )


def departure(leaving: Incarnation, hangs: Hangs, overdue: str) -> Episode:
    """Build the episode that `leaving` began and that has no new incarnation yet.

    `overdue` is the cause of a hang at the exit if `leaving` is overdue, otherwise ''.
    """
    is_alive = leaving.exited_ns is None
    proof = hangs.proof(leaving.pid) if is_alive else None
    cause = proof.text if proof else overdue * is_alive
    return Episode(
        slot=leaving.slot,
        generation=leaving.generation + 1,
        pid=None,
        previous_pid=leaving.pid,
        exit_begun_ns=leaving.exit_begun_ns,
        exited_ns=leaving.exited_ns,
        forked_ns=None,
        ready_ns=None,
        outcome="hung_at_exit" if cause else "undecided",
        decided_ns=proof.since_ns if proof else leaving.exit_begun_ns if cause else None,
        cause=cause,
    )
