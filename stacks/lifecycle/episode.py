"""Episodes: one change of incarnation in a worker slot, with what was seen of it and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stacks.lifecycle.stillness import Proof, Stillness


@dataclass(frozen=True, slots=True)
class Episode:
    """One change of incarnation in a worker slot; a time that was not seen is None, never dropped."""

    slot: int
    generation: int  # 0: the first generation, which has no exit part
    pid: int | None  # the new incarnation, None until it was forked
    previous_pid: int | None
    exit_begun_ns: int | None
    exited_ns: int | None
    forked_ns: int | None
    ready_ns: int | None
    outcome: str  # ready, hung_at_fork, hung_at_exit, killed, crashed, undecided
    decided_ns: int | None  # the moment from which the outcome was certain
    cause: str

    @property
    def is_respawn(self) -> bool:
        """A trial of the hang rate: a respawn whose outcome was seen."""
        return self.generation > 0 and self.outcome in ("ready", "hung_at_fork")

    @property
    def respawn_s(self) -> float:
        """From the moment when the old worker began to exit until the new one was ready.

        A worker that crashed never began to exit, so its time counts from its end. Whatever was seen
        not to become ready is infinite: leaving it out would time the survivors only. What the end of
        the run cut off is NaN.
        """
        if self.generation == 0 or self.outcome == "undecided":
            return math.nan
        if self.outcome != "ready":
            return math.inf
        marks = (self.exit_begun_ns, self.exited_ns, self.forked_ns)
        begun = next((mark for mark in marks if mark is not None), None)
        return (self.ready_ns - begun) / 1e9 if begun is not None and self.ready_ns is not None else math.nan


@dataclass(slots=True)
class Incarnation:
    slot: int
    generation: int
    pid: int
    forked_ns: int
    ready_ns: int | None = None
    exit_begun_ns: int | None = None
    exited_ns: int | None = None
    cause: str = ""
    killed: bool = False
    stuck: Proof | None = None  # it was proven to be stuck when it ended: the end does not undo that
    told: bool = False  # its master has told it to leave
    retired: bool = False  # no successor is due: there are more workers than the load needs
    deadlock: Proof | None = None  # it served and will not answer any more

    @property
    def is_leaving(self) -> bool:
        return not self.retired and (self.exit_begun_ns is not None or self.exited_ns is not None)


def outcome(incarnation: Incarnation, stillness: Stillness) -> tuple[str, int | None, str]:
    """What became of a fork, the moment (ns) from which that was certain, and why."""
    if incarnation.ready_ns is not None:
        return "ready", incarnation.ready_ns, ""
    if incarnation.stuck is not None:
        return "hung_at_fork", incarnation.stuck.since_ns, incarnation.stuck.text
    if incarnation.exited_ns is not None:
        word = "killed" if incarnation.killed or incarnation.told else "crashed"
        return word, incarnation.exited_ns, incarnation.cause or "ended before it was ready"
    proof = stillness.proof(incarnation.pid)
    if proof is not None:
        return "hung_at_fork", proof.since_ns, proof.text
    return "undecided", None, ""


def change(previous: Incarnation | None, incarnation: Incarnation, stillness: Stillness) -> Episode:
    """The change from `previous` (None in the first generation) to `incarnation`."""
    if previous is not None and previous.retired:
        previous = None  # the slot was empty because nobody needed it, not because nobody came back
    word, decided_ns, cause = outcome(incarnation, stillness)
    return Episode(
        slot=incarnation.slot,
        generation=incarnation.generation,
        pid=incarnation.pid,
        previous_pid=previous.pid if previous else None,
        exit_begun_ns=previous.exit_begun_ns if previous else None,
        exited_ns=previous.exited_ns if previous else None,
        forked_ns=incarnation.forked_ns,
        ready_ns=incarnation.ready_ns,
        outcome=word,
        decided_ns=decided_ns,
        cause=cause,
    )


def departure(last: Incarnation, stillness: Stillness, overstays: str) -> Episode:
    """The change that `last` began and that has no successor yet; `overstays` says that it ought to have long ended."""
    there = last.exited_ns is None
    proof = stillness.proof(last.pid) if there else None
    cause = proof.text if proof else overstays * there
    return Episode(
        slot=last.slot,
        generation=last.generation + 1,
        pid=None,
        previous_pid=last.pid,
        exit_begun_ns=last.exit_begun_ns,
        exited_ns=last.exited_ns,
        forked_ns=None,
        ready_ns=None,
        outcome="hung_at_exit" if cause else "undecided",
        decided_ns=proof.since_ns if proof else last.exit_begun_ns if cause else None,
        cause=cause,
    )
