"""Takes the rows about masters in: which master is the current one, what a trigger asked of it, and how it ended.

A run has more than one master if the first one is replaced (`f` to the master fifo). Both are alive for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.records import Event
from stacks.lifecycle.stopping import MasterStop
from stacks.lifecycle.workers import Workers


@dataclass(slots=True)
class Masters:
    """The current master, the masters before it, and their stops."""

    workers: Workers
    pid: int = 0  # of the current master; 0 until it is known
    ended: str = ""  # how the current master ended by itself, in words for a reason; '' while it is alive
    stops: dict[int, MasterStop] = field(default_factory=dict)  # by pid of the master
    trigger_ns: int = 0  # when a trigger last asked something of a master or a worker
    _trigger: str = ""  # what it asked
    _replaced: dict[int, list[Incarnation]] = field(default_factory=dict)  # pid of a former master -> its workers

    # -- rows, each method with the kind of row that it takes -----------------------------------

    def add(self, event: Event) -> None:
        """`master`: a master starts. If another one is alive, it and its workers are to be replaced."""
        if self.pid not in (0, event.pid):
            incarnations = self._replaced[self.pid] = list(self.workers.current().values())
            for incarnation in incarnations:
                incarnation.is_retired = True
        self.pid = event.pid

    def add_trigger(self, event: Event) -> None:
        """`asked`: a trigger asks something of a master or of a worker."""
        self.trigger_ns, self._trigger = event.t_ns, event.data["action"]
        self.workers.mark_asked(event)

    def begin_stop(self, event: Event) -> None:
        """`stopping`: a master ends its workers for good, as a trigger asked. Hung workers write this line as well."""
        incarnations = self._incarnations_of(event.pid)
        if not self._trigger or event.pid in self.stops or incarnations is None:
            return
        alive = [incarnation for incarnation in incarnations if incarnation.exited_ns is None]
        self.workers.send_away(alive, event.t_ns)
        pids = tuple(incarnation.pid for incarnation in alive)
        self.stops[event.pid] = MasterStop(event.t_ns, self.workers.mercy_s, pids)

    def _incarnations_of(self, pid: int) -> list[Incarnation] | None:
        """Return the workers of the master `pid`, or None if `pid` is no master."""
        if pid in self._replaced:
            return self._replaced[pid]
        return list(self.workers.current().values()) if pid == self.pid else None

    def end(self, event: Event) -> None:
        """`ended`: the current master has ended. If the observer is its parent, the row holds the exit code."""
        code = event.data.get("exit_code")
        has_master = self.pid or not self.workers.by_slot  # workers without a master: the only process has ended
        self.ended = "the master ended" if has_master else "uWSGI, which has no master, ended"
        if code is not None:
            self.ended += f" with exit code {code}" if code >= 0 else f" by signal {-code}"
        if self.stop is not None:
            self.stop.ended_ns = self.stop.ended_ns or event.t_ns

    def end_one(self, event: Event) -> None:
        """`master_exited`: the process of a master, the current or a former one, has ended."""
        if event.pid in self.stops:
            self.stops[event.pid].ended_ns = event.t_ns

    # -- questions ------------------------------------------------------------------------------

    @property
    def stop(self) -> MasterStop | None:
        """The stop of the current master, if a trigger asked for one."""
        return self.stops.get(self.pid)

    def ending(self) -> list[int]:
        """Return the pids of masters that were told to stop and live although all their workers have ended."""
        stops = ((pid, stop) for pid, stop in self.stops.items() if stop.ended_ns is None)
        return [pid for pid, stop in stops if None not in self.workers.exited_ns(stop.worker_pids)]

    def handovers(self) -> list[MasterStop]:
        """Return the stops of the masters that another one has replaced."""
        return [stop for pid, stop in self.stops.items() if pid != self.pid]

    def overdue_workers(self, now_ns: int) -> int:
        """Return how many workers are overdue in the stop of the current master."""
        if self.stop is None:
            return 0
        return self.stop.overdue_workers(self.workers.exited_ns(self.stop.worker_pids), now_ns)

    @property
    def pending_trigger(self) -> str:
        """What a trigger last asked, or '' if a worker has left or come since."""
        return self._trigger if self.workers.changed_ns < self.trigger_ns else ""

    def pending_trigger_s(self, now_ns: int) -> float:
        """Return for how many seconds a trigger has had no effect; 0 if none is pending."""
        return (now_ns - self.trigger_ns) / 1e9 if self.pending_trigger else 0.0
