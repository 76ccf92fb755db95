"""Collectors: one file each, one source of lifecycle rows each; the observer runs every one it finds here.

A collector file defines a class `Collector` that extends `Base`. All of them share the observer's
process and clock, so none may block: `read` is called when a file descriptor it watches is
readable, `sample` every `interval_s`.
"""

from __future__ import annotations

import importlib
import pkgutil
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stacks.lifecycle.records import Event
from stacks.lifecycle.workers import Lifecycle

Sample = tuple[int, str, int, int, int, int, int, int, str, int]  # records.SAMPLE_COLUMNS, in their order


@dataclass
class Context:
    """What a collector may look at, and where it registers what it waits for."""

    directory: Path
    master_pid: int
    port: int
    log_fd: int  # the socket that uWSGI writes its log to
    lifecycle: Lifecycle
    watch: Callable[[int, Base], None]  # wait for a file descriptor to become readable
    unwatch: Callable[[int], None]
    samples: list[Sample] = field(default_factory=list)
    processes: dict[int, str] = field(default_factory=dict)  # further pids to sample, with their role
    clock: Callable[[], int] = time.monotonic_ns


class Base:
    """A collector that sees nothing; extend what applies."""

    name = "base"
    interval_s: float | None = None

    def __init__(self, context: Context) -> None:
        self.context = context

    def open(self) -> str:
        """Start collecting; returns why this collector cannot work here, or ''."""
        return ""

    def read(self, fd: int) -> list[Event]:
        """Rows from `fd`, which is readable."""
        raise NotImplementedError(fd)

    def sample(self) -> list[Event]:
        """Rows from a look around."""
        return []

    def saw(self, event: Event) -> None:
        """Any collector's row, after the lifecycle has taken it in."""

    def close(self) -> None:
        """Let go of every file descriptor."""

    def event(self, kind: str, pid: int = 0, slot: int = 0, **data: object) -> Event:
        """A row of this collector, stamped now."""
        return Event(self.context.clock(), self.name, kind, pid, slot, data)


def discover() -> list[type[Base]]:
    """The collector of every file in this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").Collector for name in names]


def is_readable(fd: int) -> bool:
    """Whether a read of `fd` would return at once."""
    return bool(select.select([fd], [], [], 0)[0])
