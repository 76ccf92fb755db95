"""Watches several uWSGI masters at once: those that the user names, and those that come later.

A `Source` says which masters there are. It is asked again while the watching goes on, so that a master that a service
manager starts anew, a new vassal, or a new container is found.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from stacks.lifecycle.records import Event
from stacks.observe import uwsgi_processes
from stacks.watch.rest import Rest
from stacks.watch.target import CannotWatch
from stacks.watch.view import Change, InstanceView
from stacks.watch.watch import Watch

FIND_S = 5.0  # between two questions to the source


@dataclass(frozen=True)
class Source:
    """Where masters come from: exactly one of the values is given."""

    pid: int | None = None  # a master, or an emperor: then its vassals
    pidfile: Path | None = None
    ini: Path | None = None  # every master that was started with this file
    is_all: bool = False  # every master of the host

    @property
    def is_lasting(self) -> bool:
        """True if the source may name another master later, so that the end of one is not the end of the watching."""
        return self.pid is None

    def pids(self) -> list[int]:
        """Return the masters that there are now. Raises CannotWatch if the source itself cannot be read."""
        if self.pid is not None:
            return vassals_of(self.pid)
        if self.pidfile is not None:
            return vassals_of(read_pidfile(self.pidfile))
        found = list(uwsgi_processes.masters(uwsgi_processes.all_pids()))
        if self.ini is not None:
            return [pid for pid in found if uwsgi_processes.uses(pid, self.ini)]
        return [pid for each in found for pid in vassals_of(each)]

    def describe(self) -> str:
        """Return the source in words, for messages."""
        if self.pidfile is not None:
            return f"the pid file {self.pidfile} names"
        return f"was started with {self.ini}" if self.ini is not None else "runs here"


def vassals_of(pid: int) -> list[int]:
    """Return the vassals of an emperor that has no workers itself; otherwise `pid`."""
    if not uwsgi_processes.is_uwsgi(pid) or uwsgi_processes.has_workers(pid):
        return [pid]
    return uwsgi_processes.vassals(pid) or [pid]


def read_pidfile(path: Path) -> int:
    """Return the pid in a file. Raises CannotWatch."""
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise CannotWatch(f"the pid file {path} cannot be read: {reason}") from None
    if not text.isascii() or not text.isdigit() or not int(text):
        raise CannotWatch(f"the pid file {path} holds {text[:40]!r} instead of a pid")
    return int(text)


class Fleet:
    """The watches of all masters of a source."""

    is_only_shown = True  # nothing but the output needs the watching

    def __init__(self, source: Source, take_row: Callable[[int, Event], None] = lambda _pid, _row: None) -> None:
        """`take_row` gets every lifecycle row, with the pid that the master had when its watching began.

        Raises CannotWatch if there is no master, or if the only one cannot be watched.
        """
        self.source = source
        self.watches: dict[int, Watch] = {}  # by the pid that the master had when its watching began
        self._take_row = take_row
        self._epoll = select.epoll()
        self._find_s = 0.0
        self._rest = Rest()
        self._refused: dict[int, str] = {}
        self._changes: list[Change] = []
        try:
            self._find(is_first=True)
        except BaseException:
            self.close()
            raise

    def _find(self, *, is_first: bool = False) -> None:
        """Watch the masters of the source that are not watched yet."""
        self._find_s = time.monotonic() + FIND_S
        try:
            pids = self.source.pids()
        except CannotWatch:
            if is_first:
                raise
            return
        if is_first and not pids:
            raise CannotWatch(f"no uWSGI master {self.source.describe()}")
        followed = {watch.pid for watch in self.watches.values()}
        for pid in pids:
            if pid in self.watches or pid in self._refused or pid in followed:
                continue
            try:
                watch = Watch.open(pid, lambda row, pid=pid: self._take_row(pid, row))  # type: ignore[misc]
            except CannotWatch as error:
                self._refused[pid] = str(error)
                continue
            self.watches[pid] = watch
            self._epoll.register(watch.fileno(), select.EPOLLIN)
        for pid, watch in list(self.watches.items()):
            if watch.pid not in pids and vassals_of(watch.pid) != [watch.pid]:  # an emperor that has vassals now
                self._drop(pid)
        self._refused = {pid: text for pid, text in self._refused.items() if pid in pids}
        if is_first and not self.watches:
            raise CannotWatch("; ".join(self._refused.values()))

    def _drop(self, pid: int) -> None:
        watch = self.watches.pop(pid)
        self._epoll.unregister(watch.fileno())
        watch.close()

    @property
    def is_hung(self) -> bool:
        """True if a worker or a master is proven to hang."""
        return any(watch.hangs.workers or watch.hangs.master for watch in self.watches.values())

    @property
    def is_over(self) -> bool:
        """True if every master has ended and the source will name no other one."""
        return not self.watches and not self.source.is_lasting

    @property
    def refused(self) -> dict[int, str]:
        """Masters of the source that cannot be watched, with the reason."""
        return dict(self._refused)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is an event to take in."""
        return self._epoll.fileno()

    @property
    def next_due_s(self) -> float:
        """Seconds until `step` wants to look again."""
        return min([max(0.0, self._find_s - time.monotonic()), *(one.next_due_s for one in self.watches.values())])

    def step(self, limit_s: float = 1.0) -> list[Change]:
        """Wait for an event or the next look, `limit_s` at most; take everything in; return what changed."""
        if limit_s > 0:
            self._rest.take(limit_s)
        self._epoll.poll(max(0.0, min(limit_s, self.next_due_s + 0.0005)))
        changes, self._changes = self._changes, []
        for pid, watch in list(self.watches.items()):
            changes += watch.step(0.0)
            if watch.is_over:
                self._drop(pid)
                self._find_s = 0.0  # an emperor without a vassal goes on, and a service manager starts another master
        if time.monotonic() >= self._find_s:
            self._find()
        return changes

    def views(self) -> list[InstanceView]:
        """Return the present picture of every master."""
        return [watch.view() for watch in self.watches.values()]

    def close(self) -> None:
        """Stop to watch. No master notices."""
        for watch in self.watches.values():
            watch.close()
        self.watches.clear()
        self._epoll.close()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
