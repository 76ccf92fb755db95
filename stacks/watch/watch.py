"""Watches one uWSGI master: waits for the kernel's events, judges with the lifecycle, and tells what changed."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.watch.view import Change, InstanceView


class CannotWatch(Exception):
    """The process cannot be watched; the text says why and what to do (exit code 1)."""


class Watch:
    """One watched master. Nothing is sent to it: no signal, no connection, no debugger.

    The loop of an owner:

        with Watch.open(pid) as watch:
            while not watch.is_over:
                for change in watch.step(limit_s): ...
                view = watch.view()  # made when asked for, and only again after something has changed

    An owner with descriptors of its own adds `watch.fileno()` to its epoll, waits until it is readable or `next_due_s`
    has passed, and calls `step(0)`.
    """

    lifecycle: Lifecycle  # what judges; recordings and `--heal` may ask it, and never feed it

    @classmethod
    def open(cls, pid: int, take_row: Callable[[Event], None] = lambda _row: None) -> Watch:
        """Attach to the master `pid`. `take_row` gets every lifecycle row, in the order in which they are judged.

        These are the rows that `events.jsonl` of an attached run has, `heartbeat` (one a second) included.
        Raises CannotWatch and UsageError.
        """
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """True once the master has ended and no other one has replaced it. `step` has returned MASTER_ENDED then."""
        raise NotImplementedError

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is an event to take in (an epoll)."""
        raise NotImplementedError

    @property
    def next_due_s(self) -> float:
        """Seconds until `step` wants to look again, 0 if now."""
        raise NotImplementedError

    def step(self, limit_s: float = 1.0) -> list[Change]:
        """Wait for an event or the next look, `limit_s` at most; take it in; return what changed."""
        raise NotImplementedError

    def view(self) -> InstanceView:
        """Return the present picture. CPU, memory and requests in hand are read now, at most once a second."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop to watch. The master does not notice."""
        raise NotImplementedError

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
