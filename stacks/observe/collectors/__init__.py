"""The collectors: each file here is one source of lifecycle rows, and the observer runs every one of them.

A collector file defines a class `Collector` that extends `Base`. All collectors share the observer's process and its
clock, so none of them may block. The observer calls `read` when a file descriptor that the collector watches is
readable, and `sample` every `interval_s` seconds.
"""

from __future__ import annotations

import importlib
import pkgutil
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe.row_file import RowFile

Sample = tuple[int, str, int, int, int, int, int, int, str, int]  # the values of records.SAMPLE_COLUMNS, in their order


@dataclass
class Context:
    """What the observer gives to each of its collectors."""

    directory: Path  # of the run
    master_pid: int
    port: int
    log_fd: int  # the reading end of uWSGI's log
    lifecycle: Lifecycle
    watch: Callable[[int, Base], None]  # call `read` of this collector when this file descriptor is readable
    unwatch: Callable[[int], None]
    samples: list[Sample] = field(default_factory=list)
    processes: dict[int, str] = field(default_factory=dict)  # pid -> role of further processes to sample
    clock: Callable[[], int] = time.monotonic_ns


class Base:
    """A collector without a source. A subclass overrides what applies to its source."""

    name = "base"  # the `source` of its rows: the name of its file
    interval_s: float | None = None  # between two calls of `sample`; None if there are none

    def __init__(self, context: Context) -> None:
        self.context = context
        self.file: RowFile | None = None  # to which it appends what it reads
        self.off = ""  # why this collector gave up during the run; '' while it works

    @property
    def busy(self) -> bool:
        """True while this collector has evidence to wait for."""
        return False

    def open(self) -> str:
        """Start to collect. Return the reason why this collector cannot work here, or ''."""
        return ""

    def read(self, fd: int) -> list[Event]:
        """Return the rows from `fd`, which this collector watches and which is readable."""
        raise NotImplementedError(fd)

    def sample(self) -> list[Event]:
        """Return the rows from one look at the source."""
        return []

    def on_event(self, event: Event) -> None:
        """Learn of a row of any source. The lifecycle has taken it in already."""

    def close(self) -> None:
        """Close every file descriptor of this collector."""

    def event(self, kind: str, pid: int = 0, slot: int = 0, **data: object) -> Event:
        """Make a row of this collector with the present time."""
        return Event(self.context.clock(), self.name, kind, pid, slot, data)


def discover() -> list[type[Base]]:
    """Return the class `Collector` of every file in this folder, sorted by the file's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").Collector for name in names]


def is_readable(fd: int) -> bool:
    """Return True if a read of `fd` would not wait."""
    return bool(select.select([fd], [], [], 0)[0])
