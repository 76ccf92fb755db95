"""Rows -> episodes -> verdict: what became of every worker, as a pure function of recorded rows.

The same functions judge live (early stop, web UI) and afterwards. Nothing here reads a clock, a
file or a process. `Respawned`, `respawn_count` and `status: idle` are all true of a worker that
never comes up, so only what the worker does itself counts: the accept hook, CPU time, its wait.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from stacks.records import Event
from stacks.stillness import Proof, Stillness

# The master reaps once a second (`check_interval`, core/master.c) and may sleep 2 s when it
# throttles (`forkbomb-delay`), so a dead worker that nobody reaped for this long is no delay.
UNREAPED_S = 10.0
# A master that is provably stuck needs less: it has missed its own 1 s loop.
REAP_LOOP_S = 1.5
# Crashes that make a loop: fewer may be one bad request.
CRASH_LOOP = 3
# A gap between the observer's heartbeats (one a second) that makes a run worthless.
HEARTBEAT_GAP_S = 5.0

# Most severe first: what a run says, and what a cell says that has several runs.
VERDICTS = ("hung_master", "hung_worker", "hung_exit", "crash_loop", "throttled", "invalid", "recovers")


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run says of its cell, with the counts behind it."""

    verdict: str | None  # None while nothing is certain
    reason: str
    respawns: int
    hung: int  # respawns that hung
    hung_initial: int  # workers of the first generation that never came up
    evidence: str | None


@dataclass(slots=True)
class _Incarnation:
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

    @property
    def is_leaving(self) -> bool:
        return self.exit_begun_ns is not None or self.exited_ns is not None


@dataclass(slots=True)
class Lifecycle:
    """The state that rows add up to; `feed` them in the order they were written."""

    master_pid: int = 0
    load_begin_ns: int | None = None
    stop_ns: int | None = None
    now_ns: int = 0
    throttles: int = 0
    heartbeat_gap_s: float = 0.0
    stillness: Stillness = field(default_factory=Stillness)
    _slots: dict[int, list[_Incarnation]] = field(default_factory=dict)
    _by_pid: dict[int, _Incarnation] = field(default_factory=dict)
    _early: dict[int, dict[str, int]] = field(default_factory=dict)  # rows that came before their worker's fork row
    _heartbeat_ns: int | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Lifecycle:
        """The lifecycle that `events` tell, up to the verdict: what came after it was not judged."""
        lifecycle = cls()
        for event in events:
            lifecycle.feed(event)
            if event.kind == "verdict":
                break
        return lifecycle

    def feed(self, event: Event) -> None:
        """Take one row in. After the row `stop` nothing changes any more: what dies then was killed by us."""
        if self.stop_ns is not None:
            return
        self.now_ns = max(self.now_ns, event.t_ns)
        handler = getattr(self, f"_on_{event.kind}", None)
        if handler is not None:
            handler(event)

    # -- rows -----------------------------------------------------------------------------------

    def _on_heartbeat(self, event: Event) -> None:
        if self._heartbeat_ns is not None:
            self.heartbeat_gap_s = max(self.heartbeat_gap_s, (event.t_ns - self._heartbeat_ns) / 1e9)
        self._heartbeat_ns = event.t_ns

    def _on_load_begin(self, event: Event) -> None:
        self.load_begin_ns = event.t_ns

    def _on_stop(self, event: Event) -> None:
        self.stop_ns = event.t_ns

    def _on_throttle(self, _event: Event) -> None:
        self.throttles += 1

    def _on_master(self, event: Event) -> None:
        self.master_pid = event.pid

    def _on_state(self, event: Event) -> None:
        self.stillness.sample(event)

    def _on_backtrace(self, event: Event) -> None:
        self.stillness.backtrace(event)

    def _on_spawned(self, event: Event) -> None:
        self._forked(event)

    def _on_respawned(self, event: Event) -> None:
        self._forked(event)

    def _forked(self, event: Event) -> None:
        early = self._early.pop(event.pid, {})
        incarnations = self._slots.setdefault(event.slot, [])
        incarnation = _Incarnation(event.slot, len(incarnations), event.pid, event.t_ns)
        # The child may be ready before its master has written the line that names it.
        incarnation.forked_ns = min([event.t_ns, *early.values()])
        incarnation.ready_ns = early.get("ready")
        incarnation.exit_begun_ns = early.get("exit_begun")
        incarnation.exited_ns = early.get("exited")
        incarnations.append(incarnation)
        self._by_pid[event.pid] = incarnation
        self.stillness.forget(event.pid)

    def _on_forked(self, event: Event) -> None:
        """The kernel's own word for a fork; the log tells the slot."""
        known = self._by_pid.get(event.pid)
        if known is not None and (known.exited_ns is None or event.t_ns <= known.exited_ns):
            known.forked_ns = min(known.forked_ns, event.t_ns)
        else:
            # What stands there and is older was said of a process that had this pid before.
            early = {kind: t_ns for kind, t_ns in self._early.get(event.pid, {}).items() if t_ns >= event.t_ns}
            self._early[event.pid] = early | {"forked": event.t_ns}

    def _mark(self, event: Event) -> _Incarnation | None:
        """The incarnation that `event` speaks of; the first row of its kind counts."""
        incarnation = self._by_pid.get(event.pid)
        if incarnation is None or event.pid in self._early:
            self._early.setdefault(event.pid, {}).setdefault(event.kind, event.t_ns)
            return None
        name = f"{event.kind}_ns"
        before = getattr(incarnation, name)
        setattr(incarnation, name, event.t_ns if before is None else min(before, event.t_ns))
        return incarnation

    def _on_ready(self, event: Event) -> None:
        self._mark(event)

    def _on_exit_begun(self, event: Event) -> None:
        self._mark(event)

    def _on_exited(self, event: Event) -> None:
        incarnation = self._mark(event)
        if incarnation is not None and event.data.get("signal") and not incarnation.cause:
            incarnation.cause = f"signal {event.data['signal']}"
        if incarnation is not None:
            incarnation.stuck = incarnation.stuck or self.stillness.proof(event.pid)

    def _on_died(self, event: Event) -> None:
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.cause = event.data.get("text", "died")
            incarnation.exited_ns = incarnation.exited_ns or event.t_ns

    def _on_no_mercy(self, event: Event) -> None:
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.killed = True
            incarnation.cause = "killed by its master after worker-reload-mercy"

    # -- what they add up to --------------------------------------------------------------------

    @property
    def slots(self) -> list[int]:
        """The worker slots that were ever filled."""
        return sorted(self._slots)

    def current(self) -> dict[int, _Incarnation]:
        """The newest incarnation of every slot."""
        return {slot: incarnations[-1] for slot, incarnations in self._slots.items()}

    def starting(self) -> list[int]:
        """Pids that were forked and neither came up nor ended: who is worth a closer look."""
        return [i.pid for i in self.current().values() if i.ready_ns is None and i.exited_ns is None]

    def leaving(self) -> list[int]:
        """Pids that said goodbye and are still there."""
        return [i.pid for i in self.current().values() if i.exit_begun_ns is not None and i.exited_ns is None]

    def unreaped_s(self) -> float:
        """Seconds that the longest dead worker has waited for its successor; 0 when none waits."""
        dead = [i.exited_ns for i in self.current().values() if i.exited_ns is not None]
        return max(((self.now_ns - t) / 1e9 for t in dead), default=0.0)

    def serving(self) -> int:
        """How many slots are ready and have not begun to leave."""
        return sum(i.ready_ns is not None and not i.is_leaving for i in self.current().values())

    def undecided(self, begun_by_ns: int | None = None) -> int:
        """How many episodes are still open (of those that had begun by then)."""
        open_ones = [episode for episode in self._open_episodes() if episode.outcome == "undecided"]
        if begun_by_ns is None:
            return len(open_ones)
        return sum((e.exit_begun_ns or e.exited_ns or e.forked_ns or 0) <= begun_by_ns for e in open_ones)

    def is_outage(self) -> bool:
        """Whether no slot can answer any more: every one of them is hung."""
        if not self._slots:
            return False
        stuck = all(episode.outcome in ("hung_at_fork", "hung_at_exit") for episode in self._open_episodes())
        return stuck or (not self.serving() and bool(self.master_hung()))

    def respawns(self) -> int:
        """How many respawns have an outcome that counts (cheaper than `judge`)."""
        closed = sum(i.ready_ns is not None and i.generation > 0 for slot in self._slots.values() for i in slot)
        return closed + sum(e.outcome == "hung_at_fork" and e.generation > 0 for e in self._open_episodes())

    def _outcome(self, incarnation: _Incarnation) -> tuple[str, int | None, str]:
        if incarnation.ready_ns is not None:
            return "ready", incarnation.ready_ns, ""
        if incarnation.stuck is not None:
            return "hung_at_fork", incarnation.stuck.since_ns, incarnation.stuck.text
        if incarnation.exited_ns is not None:
            word = "killed" if incarnation.killed else "crashed"
            return word, incarnation.exited_ns, incarnation.cause or "ended before it was ready"
        proof = self.stillness.proof(incarnation.pid)
        if proof is not None:
            return "hung_at_fork", proof.since_ns, proof.text
        return "undecided", None, ""

    def _episode(self, previous: _Incarnation | None, incarnation: _Incarnation) -> Episode:
        """The change from `previous` (None in the first generation) to `incarnation`."""
        outcome, decided_ns, cause = self._outcome(incarnation)
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

    def _departure(self, last: _Incarnation) -> Episode:
        """The change that `last` began and that has no successor yet."""
        proof = self.stillness.proof(last.pid) if last.exited_ns is None else None
        return Episode(
            slot=last.slot,
            generation=last.generation + 1,
            pid=None,
            previous_pid=last.pid,
            exit_begun_ns=last.exit_begun_ns,
            exited_ns=last.exited_ns,
            forked_ns=None,
            ready_ns=None,
            outcome="hung_at_exit" if proof else "undecided",
            decided_ns=proof.since_ns if proof else None,
            cause=proof.text if proof else "",
        )

    def _open_episodes(self) -> list[Episode]:
        """The last episode of every slot: the only one that can still change."""
        episodes = []
        for incarnations in self._slots.values():
            last = incarnations[-1]
            if last.is_leaving:
                episodes.append(self._departure(last))
            else:
                episodes.append(self._episode(incarnations[-2] if len(incarnations) > 1 else None, last))
        return episodes

    def episodes(self) -> list[Episode]:
        """Every episode of the run, by slot and generation."""
        return [episode for slot in self.slots for episode in self.slot_episodes(slot)]

    def slot_episodes(self, slot: int, first: int = 0) -> list[Episode]:
        """Those of one slot, from the generation `first` on; all but its newest two can change no more."""
        incarnations = self._slots[slot]
        episodes = [
            self._episode(incarnations[at - 1] if at else None, incarnations[at])
            for at in range(first, len(incarnations))
        ]
        if incarnations[-1].is_leaving:
            episodes.append(self._departure(incarnations[-1]))
        return episodes

    def master_hung(self) -> str:
        """Why the master is stuck, or '' when it is not known to be."""
        waited_s = self.unreaped_s()
        if not self.master_pid or waited_s < REAP_LOOP_S:
            return ""
        proof = self.stillness.proof(self.master_pid)
        if proof is not None:
            return f"the master is stuck: {proof.text}; a dead worker was not reaped for {waited_s:.1f} s"
        if waited_s >= UNREAPED_S and self.stillness.is_still(self.master_pid, UNREAPED_S):
            return f"the master used no CPU and did not reap a dead worker for {waited_s:.0f} s"
        return ""

    def judge(self, wanted: int, *, finished: bool) -> Judgement:
        """The verdict, or None while it could still change.

        `wanted` is how many respawns a run must have seen before silence means health; `finished`
        says that no more rows will come.
        """
        episodes = self.episodes()
        respawns = sum(episode.is_respawn for episode in episodes)
        hung = [episode for episode in episodes if episode.outcome == "hung_at_fork"]
        hung_initial = sum(episode.generation == 0 for episode in hung)
        at_exit = [episode.previous_pid for episode in episodes if episode.outcome == "hung_at_exit"]
        at_exit += [i.pid for slot in self._slots.values() for i in slot if i.stuck and i.ready_ns is not None]
        crashed = sum(episode.outcome == "crashed" for episode in episodes)
        recovered = sum(episode.outcome == "ready" and episode.generation > 0 for episode in episodes)
        master = self.master_hung()

        verdict, reason = None, ""
        if master:
            verdict, reason = "hung_master", master
        elif hung:
            first = " (first generation)" if hung_initial == len(hung) else ""
            verdict, reason = "hung_worker", f"{len(hung)} workers were forked and never became ready{first}"
        elif at_exit:
            verdict, reason = "hung_exit", f"{len(at_exit)} workers began to exit and never ended"
        elif crashed >= CRASH_LOOP and crashed > recovered:
            verdict, reason = "crash_loop", f"{crashed} workers died before they were ready"
        elif finished and self.heartbeat_gap_s > HEARTBEAT_GAP_S:
            verdict, reason = "invalid", f"the observer was held up for {self.heartbeat_gap_s:.1f} s: repeat the run"
        elif self.throttles and finished:
            verdict = "throttled"
            reason = f"the master slept {self.throttles} times because workers respawned too fast (forkbomb-delay)"
        elif finished and respawns < wanted:
            verdict, reason = "invalid", self._too_few(respawns, wanted)
        elif finished:
            verdict, reason = "recovers", f"{recovered} of {respawns} respawned workers came back"
        evidence = self.stillness.evidence([*(e.pid for e in hung), *at_exit])
        if master:
            evidence = self.stillness.evidence([self.master_pid])
        return Judgement(verdict, reason, respawns, len(hung) - hung_initial, hung_initial, evidence)

    def _too_few(self, respawns: int, wanted: int) -> str:
        begun = sum(i.exit_begun_ns is not None for slot in self._slots.values() for i in slot)
        text = f"{respawns} respawns seen, {wanted} wanted: too few to say anything. "
        if begun == 0:
            return text + (
                "No worker ever left: min-worker-lifetime is 10 s by default and holds max-requests back; "
                "set min-worker-lifetime = 0, or lower MAX_REQUESTS."
            )
        return text + "Raise DURATION or WORKERS, or lower MAX_REQUESTS."
