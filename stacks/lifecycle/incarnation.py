"""One process that filled a worker slot, with the times that were seen of it."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.lifecycle.hangs import Proof
from stacks.lifecycle.stopping import is_overdue


@dataclass(slots=True)
class Incarnation:
    """The state of one process in a worker slot. A time that was not seen is None."""

    slot: int
    generation: int  # 0: the first in its slot, forked before the load began
    pid: int
    forked_ns: int
    ready_ns: int | None = None
    exit_begun_ns: int | None = None
    exited_ns: int | None = None
    cause: str = ""  # of its end
    exit_status: int | None = None  # its exit code, if it is known
    signal: int | None = None  # the signal that ended it
    last_line: str = ""  # the last line that it wrote before it died
    is_asked: bool = False  # a trigger has signalled it
    has_harakiri: bool = False  # its master ended it because a request took too long
    is_killed: bool = False  # by its master, after worker-reload-mercy
    is_told_to_leave: bool = False  # by its master
    is_retired: bool = False  # no successor is due: the master wants fewer workers, or stops
    hang: Proof | None = None  # the proof that it hung when it ended, which its end does not undo
    deadlock: Proof | None = None  # the proof that it served and would not answer any more when it left

    def limit_to_exit(self) -> None:
        """Correct a time of the log, which is when the line was read: a worker was ready before it ended."""
        if self.ready_ns is not None and self.exited_ns is not None:
            self.ready_ns = min(self.ready_ns, self.exited_ns)

    @property
    def is_starting(self) -> bool:
        """True if it is alive and not ready yet."""
        return self.ready_ns is None and self.exited_ns is None

    @property
    def is_being_replaced(self) -> bool:
        """True if it has begun to exit or has ended, and a successor is due."""
        return not self.is_retired and (self.exit_begun_ns is not None or self.exited_ns is not None)

    @property
    def ended_by_itself(self) -> bool:
        """True if it was ready and ended, and neither said goodbye nor was told to, by its master or by a trigger."""
        is_sent_away = self.is_told_to_leave or self.is_retired or self.is_killed or self.is_asked
        has_served = self.ready_ns is not None and self.exited_ns is not None
        return has_served and self.exit_begun_ns is None and not is_sent_away

    @property
    def way_of_end(self) -> str:
        """How it ended: by harakiri, by which signal or with which exit code; '' if that is not known."""
        if self.has_harakiri:
            return "by harakiri"
        if self.signal is not None:
            return f"by signal {self.signal}"
        return f"with exit code {self.exit_status}" if self.exit_status is not None else ""

    def is_overdue(self, now_ns: int, mercy_s: float) -> bool:
        """Return True if its master told it to leave and it lived, or lives, longer than worker-reload-mercy allows."""
        if not self.is_told_to_leave or self.exit_begun_ns is None:
            return False
        return is_overdue(self.exit_begun_ns, self.exited_ns or now_ns, mercy_s)
