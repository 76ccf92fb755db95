"""Rows -> episodes: what became of every worker, as a pure function of recorded rows; `verdict` judges them.

The same functions judge live (early stop, web UI) and afterwards. Nothing here reads a clock, a
file or a process. `Respawned`, `respawn_count` and `status: idle` are all true of a worker that
never comes up, so only what the worker does itself counts: the accept hook, CPU time, its wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from stacks.lifecycle.episode import Episode, Incarnation, change, departure
from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import LOOP_S, Proof, Stillness
from stacks.lifecycle.stopping import MERCY_S, OVERDUE_S, Stopping, overstays, still_there

# The master reaps once a second (`check_interval`, core/master.c) and may sleep 2 s when it
# throttles (`forkbomb-delay`), so a dead worker that nobody reaped for this long is no delay.
UNREAPED_S = 10.0
# A master that is provably stuck needs less: it has missed its own 1 s loop.
REAP_LOOP_S = 1.5
# What is asked of a master has an effect within its loop, and a touch within a second more; nothing for this long
# is no delay.
IGNORED_S = 10.0


@dataclass(slots=True)
class Lifecycle:
    """The state that rows add up to; `feed` them in the order they were written."""

    master_pid: int = 0
    load_begin_ns: int | None = None
    stop_ns: int | None = None
    now_ns: int = 0
    throttles: int = 0
    heartbeat_gap_s: float = 0.0
    ended: str = ""  # how the master ended by itself
    asleep: bool = False  # no worker is there, on purpose, until somebody asks
    mercy_s: float = MERCY_S
    stops: dict[int, Stopping] = field(default_factory=dict)  # that were asked for, by master
    losses: dict[str, int] = field(default_factory=dict)  # requests, by what became of them
    stillness: Stillness = field(default_factory=Stillness)
    _slots: dict[int, list[Incarnation]] = field(default_factory=dict)
    _by_pid: dict[int, Incarnation] = field(default_factory=dict)
    _early: dict[int, dict[str, int]] = field(default_factory=dict)  # rows that came before their worker's fork row
    _heartbeat_ns: int | None = None
    _asked: tuple[int, str] = (0, "")  # when the master was last asked for something, and what
    _effect_ns: int = 0  # when a worker last left or came
    _replaced: dict[int, list[Incarnation]] = field(default_factory=dict)  # masters with a successor, their workers

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
        self.mercy_s = event.data.get("mercy_s", MERCY_S)

    def _on_stop(self, event: Event) -> None:
        self.stop_ns = event.t_ns

    def _on_throttle(self, _event: Event) -> None:
        self.throttles += 1

    def _on_master(self, event: Event) -> None:
        """A master begins. One beside it is to be replaced, and so are its workers."""
        if self.master_pid not in (0, event.pid):
            workers = self._replaced[self.master_pid] = list(self.current().values())
            for incarnation in workers:
                incarnation.retired = True
        self.master_pid = event.pid

    def _on_state(self, event: Event) -> None:
        self.stillness.sample(event)

    def _on_asked(self, event: Event) -> None:
        self._asked = (event.t_ns, event.data["action"])

    def _on_stopping(self, event: Event) -> None:
        """A master does what it was asked for and sends its workers away for good. A hung one says so as well."""
        masters = {self.master_pid: list(self.current().values())} | self._replaced
        if not self._asked[1] or event.pid in self.stops or event.pid not in masters:
            return
        there = [i for i in masters[event.pid] if i.exited_ns is None]
        for incarnation in there:
            incarnation.retired = incarnation.told = True
        self.stops[event.pid] = Stopping(event.t_ns, self.mercy_s, tuple(i.pid for i in there))
        self._effect_ns = max(self._effect_ns, event.t_ns)

    def _on_ended(self, event: Event) -> None:
        code = event.data.get("exit_code")
        # Workers without a master: the only one has ended. That of somebody else does not say how.
        self.ended = "the master ended" if self.master_pid or not self._slots else "uWSGI, which has no master, ended"
        if code is not None:
            self.ended += f" with exit code {code}" if code >= 0 else f" by signal {-code}"
        if self.stopping is not None:
            self.stopping.ended_ns = self.stopping.ended_ns or event.t_ns

    def _on_master_exited(self, event: Event) -> None:
        if event.pid in self.stops:
            self.stops[event.pid].ended_ns = event.t_ns

    def _on_losses(self, event: Event) -> None:
        self.losses = dict(event.data)

    def _on_backtrace(self, event: Event) -> None:
        self.stillness.backtrace(event)

    def _on_spawned(self, event: Event) -> None:
        self._forked(event)

    def _on_respawned(self, event: Event) -> None:
        self._forked(event)

    def _forked(self, event: Event) -> None:
        self.asleep = False
        early = self._early.pop(event.pid, {})
        incarnations = self._slots.setdefault(event.slot, [])
        # A slot that is first filled under load is filled by a running master, as at a respawn (cheaper, cheap).
        generation = len(incarnations) + (self.load_begin_ns is not None and self._joined(event.slot))
        incarnation = Incarnation(event.slot, generation, event.pid, event.t_ns)
        # The child may be ready before its master has written the line that names it.
        incarnation.forked_ns = min([event.t_ns, *early.values()])
        incarnation.ready_ns = early.get("ready")
        incarnation.exit_begun_ns = early.get("exit_begun")
        incarnation.exited_ns = early.get("exited")
        incarnations.append(incarnation)
        self._by_pid[event.pid] = incarnation
        self._effect_ns = max(self._effect_ns, event.t_ns)
        self.stillness.forget(event.pid)

    def _joined(self, slot: int) -> bool:
        """Whether `slot` was not filled before the load began."""
        incarnations = self._slots[slot]
        return not incarnations or incarnations[0].generation > 0

    def _on_forked(self, event: Event) -> None:
        """The kernel's own word for a fork; the log tells the slot."""
        known = self._by_pid.get(event.pid)
        if known is not None and (known.exited_ns is None or event.t_ns <= known.exited_ns):
            known.forked_ns = min(known.forked_ns, event.t_ns)
        else:
            # What stands there and is older was said of a process that had this pid before.
            early = {kind: t_ns for kind, t_ns in self._early.get(event.pid, {}).items() if t_ns >= event.t_ns}
            self._early[event.pid] = early | {"forked": event.t_ns}

    def _mark(self, event: Event) -> Incarnation | None:
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
        self.stillness.moved(event.pid)

    def _on_exit_begun(self, event: Event) -> None:
        self._leaves(event)
        self._mark(event)

    def _on_lifetime(self, event: Event) -> None:
        """A worker is as old as max-worker-lifetime allows, so its master asks it to leave."""
        current = self.current().get(event.slot)
        if current is not None and current.exited_ns is None:
            self._on_told(replace(event, pid=current.pid))

    def _on_told(self, event: Event) -> None:
        """The master asks a worker to leave, which is where its exit begins."""
        self._leaves(event)
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.told = True
            incarnation.exit_begun_ns = incarnation.exit_begun_ns or event.t_ns

    def _leaves(self, event: Event) -> None:
        """Whatever was certain of a worker that served is not undone when it is sent away or ends."""
        self._effect_ns = max(self._effect_ns, event.t_ns)
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None and incarnation.ready_ns is not None and incarnation.exit_begun_ns is None:
            incarnation.deadlock = incarnation.deadlock or self.stillness.deadlock(event.pid)

    def _on_exited(self, event: Event) -> None:
        self._leaves(event)
        incarnation = self._mark(event)
        if incarnation is not None and event.data.get("signal") and not incarnation.cause:
            incarnation.cause = f"signal {event.data['signal']}"
        if incarnation is not None and (incarnation.ready_ns is None or incarnation.exit_begun_ns is not None):
            incarnation.stuck = incarnation.stuck or self.stillness.proof(event.pid)

    def _on_cheaped(self, event: Event) -> None:
        """The master sends a worker away for good: there is too little to do for it."""
        if event.slot in self._slots:
            self._slots[event.slot][-1].retired = True

    def _on_idle(self, _event: Event) -> None:
        """The master sends all of its workers away until somebody asks, or begins without any."""
        self.asleep = True
        for incarnations in self._slots.values():
            incarnations[-1].retired = True

    def _on_died(self, event: Event) -> None:
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.cause = event.data.get("text", "died")
            incarnation.exited_ns = incarnation.exited_ns or event.t_ns

    def _on_no_mercy(self, event: Event) -> None:
        incarnation = self._by_pid.get(event.pid)
        # 2.0.27 to 2.0.30 also say so of a worker that has long ended.
        if incarnation is not None and event.t_ns - (incarnation.exited_ns or event.t_ns) < REAP_LOOP_S * 1e9:
            incarnation.killed = True
            incarnation.cause = "killed by its master after worker-reload-mercy"

    # -- what they add up to --------------------------------------------------------------------

    @property
    def slots(self) -> list[int]:
        """The worker slots that were ever filled."""
        return sorted(self._slots)

    def current(self) -> dict[int, Incarnation]:
        """The newest incarnation of every slot."""
        return {slot: incarnations[-1] for slot, incarnations in self._slots.items()}

    def ready(self) -> list[int]:
        """Pids that serve, or are thought to."""
        return [i.pid for i in self.current().values() if i.ready_ns is not None and not i.is_leaving and not i.retired]

    def deadlocks(self) -> dict[int, Proof]:
        """Pids that came up and will not answer any more, those of which that was certain before included."""
        before = {i.pid: i.deadlock for slot in self._slots.values() for i in slot if i.deadlock}
        return before | {pid: proof for pid in self.ready() if (proof := self.stillness.deadlock(pid))}

    def stuck_at_exit(self) -> list[int]:
        """Pids that were ended while they were proven stuck at their exit, or because they would not go, and those
        that got stuck on their way there before they had said so."""
        served = [i for slot in self._slots.values() for i in slot if i.ready_ns is not None]
        silent = {pid for pid, proof in self.deadlocks().items() if proof.at_exit}
        return [
            i.pid
            for i in served
            if i.stuck or i.killed or i.pid in silent or (i.exited_ns is not None and self._overstays(i))
        ]

    def overstaying(self) -> list[int]:
        """Pids that were told to leave and stayed longer than they may."""
        return [i.pid for slot in self._slots.values() for i in slot if self._overstays(i)]

    def _overstays(self, incarnation: Incarnation) -> str:
        """That it was told to leave and stayed longer than it may, or ''."""
        told_ns, end_ns = incarnation.exit_begun_ns, incarnation.exited_ns or self.now_ns
        if not incarnation.told or told_ns is None or not overstays(told_ns, end_ns, self.mercy_s):
            return ""
        return still_there(self.mercy_s)

    @property
    def stopping(self) -> Stopping | None:
        """The stop that was asked for of the master, of the last one where one has replaced another."""
        return self.stops.get(self.master_pid)

    def handovers(self) -> list[Stopping]:
        """The stops of masters that another has replaced."""
        return [stop for pid, stop in self.stops.items() if pid != self.master_pid]

    def overdue(self) -> int:
        """How many workers stayed longer than they may after their master was asked to stop."""
        if self.stopping is None:
            return 0
        return self.stopping.overdue(self._ends(self.stopping), self.now_ns)

    def _ends(self, stop: Stopping) -> list[int | None]:
        """When those that it told to leave have ended."""
        return [self._by_pid[pid].exited_ns for pid in stop.told]

    def anybody_left(self) -> bool:
        """Whether a worker ever began to leave."""
        return any(i.is_leaving for slot in self._slots.values() for i in slot)

    @property
    def ignored(self) -> str:
        """What was last asked of the master, or '' once a worker has left or come since."""
        asked_ns, action = self._asked
        return action if action and self._effect_ns < asked_ns else ""

    def ignored_s(self) -> float:
        """Seconds since something was asked of which nothing has come; 0 when nothing is open."""
        return (self.now_ns - self._asked[0]) / 1e9 if self.ignored else 0.0

    def starting(self) -> list[int]:
        """Pids that were forked and neither came up nor ended: who is worth a closer look."""
        return [i.pid for i in self.current().values() if i.ready_ns is None and i.exited_ns is None]

    def leaving(self) -> list[int]:
        """Pids that said goodbye and are still there."""
        return [i.pid for i in self.current().values() if i.exit_begun_ns is not None and i.exited_ns is None]

    def unreaped_s(self) -> float:
        """Seconds that the longest dead worker has waited for its successor; 0 when none waits."""
        dead = [i.exited_ns for i in self.current().values() if i.exited_ns is not None and not i.retired]
        return max(((self.now_ns - t) / 1e9 for t in dead), default=0.0)

    def serving(self) -> int:
        """How many slots answer: ready, not deadlocked, and not about to leave."""
        return sum(self.stillness.deadlock(pid) is None for pid in self.ready())

    def rests(self) -> bool:
        """Whether workers were sent away until somebody asks, or never came because nobody has."""
        return self.asleep or any(i.retired for i in self.current().values())

    def undecided(self, begun_by_ns: int | None = None) -> int:
        """How many episodes are still open (of those that had begun by then), and whether the master was asked
        for something that has not begun, or for a stop that has not ended."""
        open_ones = [episode for episode in self._open_episodes() if episode.outcome == "undecided"]
        begun = [e.exit_begun_ns or e.exited_ns or e.forked_ns or 0 for e in open_ones]
        if 0 < self.ignored_s() < IGNORED_S:
            begun.append(self._asked[0])
        begun += [stop.since_ns for stop in self.stops.values() if stop.ended_ns is None]
        return sum(begun_by_ns is None or t_ns <= begun_by_ns for t_ns in begun)

    def is_outage(self) -> bool:
        """Whether no slot can answer any more: every one of them is hung."""
        if not self._slots:
            return False
        deadlocked, episodes = self.deadlocks(), self._open_episodes()
        stuck = all(e.outcome in ("hung_at_fork", "hung_at_exit") or e.pid in deadlocked for e in episodes)
        return (bool(episodes) and stuck) or (not self.serving() and bool(self.master_hung()))

    def respawns(self) -> int:
        """How many respawns have an outcome that counts (cheaper than `judge`)."""
        closed = sum(i.ready_ns is not None and i.generation > 0 for slot in self._slots.values() for i in slot)
        return closed + sum(e.outcome == "hung_at_fork" and e.generation > 0 for e in self._open_episodes())

    def _open_episodes(self) -> list[Episode]:
        """The last episode of every slot: the only one that can still change."""
        episodes = []
        for incarnations in self._slots.values():
            last = incarnations[-1]
            if last.retired:
                continue
            if last.is_leaving:
                episodes.append(departure(last, self.stillness, self._overstays(last)))
            else:
                episodes.append(change(incarnations[-2] if len(incarnations) > 1 else None, last, self.stillness))
        return episodes

    def episodes(self) -> list[Episode]:
        """Every episode of the run, by slot and generation."""
        return [episode for slot in self.slots for episode in self.slot_episodes(slot)]

    def slot_episodes(self, slot: int, first: int = 0) -> list[Episode]:
        """Those of one slot, from the generation `first` on; all but its newest two can change no more."""
        incarnations = self._slots[slot]
        episodes = [
            change(incarnations[at - 1] if at else None, incarnations[at], self.stillness)
            for at in range(first, len(incarnations))
        ]
        if incarnations[-1].is_leaving:
            episodes.append(departure(incarnations[-1], self.stillness, self._overstays(incarnations[-1])))
        return episodes

    def master_hung(self) -> str:
        """Why the master is stuck, or '' when it is not known to be."""
        for pid, stop in self.stops.items():
            if stop.lingers(self._ends(stop), self.now_ns):
                which = "the master" if pid == self.master_pid else "the old master"
                return f"{which} was told to leave and is there {stop.mercy_s + OVERDUE_S:.0f} s after its last worker"
        waited_s, ignored_s = self.unreaped_s(), self.ignored_s()
        if not self.master_pid or max(waited_s, ignored_s) < REAP_LOOP_S:
            return ""
        proof = self.stillness.proof(self.master_pid)
        if proof is not None:
            missed = f"a dead worker was not reaped for {waited_s:.1f} s"
            if waited_s < REAP_LOOP_S:
                missed = f"nothing has come of {self.ignored!r} for {ignored_s:.1f} s"
            return f"the master is stuck: {proof.text}; {missed}"
        if ignored_s >= LOOP_S and self.stillness.rested_s(self.master_pid) >= LOOP_S:
            return (
                f"the master is stuck: its loop turns once a second and has stood for {LOOP_S:.0f} s; "
                f"nothing has come of {self.ignored!r}"
            )
        if waited_s >= UNREAPED_S and self.stillness.is_still(self.master_pid, UNREAPED_S):
            return f"the master used no CPU and did not reap a dead worker for {waited_s:.0f} s"
        return ""
