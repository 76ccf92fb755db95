"""What goes along with the watching: `/metrics`, a recording, the command of --on-hang, and --heal.

The loop of `watch` owns one `Companions` and calls it after each step. Nothing here stops the watching: a companion
that cannot go on says so in one sentence.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stacks.catalogue.usage_error import UsageError
from stacks.lifecycle.records import Event
from stacks.listen.address import parse_listening, print_red
from stacks.watch.fleet import Fleet
from stacks.watch.hang_command import HangCommand, command_words
from stacks.watch.healing import PLAN, Healing
from stacks.watch.totals import Totals
from stacks.watch.view import MASTER_ENDED, WATCHING, Change, InstanceView

if TYPE_CHECKING:
    from stacks.watch.exporter import Exporter
    from stacks.watch.metrics import Own
    from stacks.watch.otlp import Otlp
    from stacks.watch.recording import Recording

MEGABYTE = 1_000_000
BUSY_S = 0.5  # while a command runs or a worker waits for its healing
REST_S = 5.0
ENDED_S = 900.0  # a master that has ended has metrics for so long, so that an alert can see it


class Companions:
    """The companions that the options name. `say` gets sentences for people. Raises UsageError."""

    def __init__(self, options: argparse.Namespace, say: Callable[[str], None]) -> None:
        self._say = say
        self._fleet: Fleet | None = None
        self._totals: dict[int, Totals] = {}  # by the pid that the master had when its watching began, as in the fleet
        self._healings: dict[int, Healing] = {}
        self._heals: bool = options.heal
        self._names: dict[int, str] = {}
        self._ended: dict[str, tuple[int, float]] = {}  # config -> pid of the master, and when it ended
        self._command = HangCommand(command_words(options.on_hang), say) if options.on_hang else None
        self._recording: Recording | None = None
        self._exporter: Exporter | None = None
        self._otlp: Otlp | None = None
        try:
            self._open(options)
        except BaseException:
            self.close()
            raise

    def _open(self, options: argparse.Namespace) -> None:
        """Import what is wanted, and only that: each of these modules needs megabytes."""
        if options.heal:
            self._say(PLAN)
        if options.record:
            from stacks.watch.recording import Recording

            self._recording = Recording(options.record, options.record_mb * MEGABYTE, self._say)
        if options.metrics is not None:
            self._exporter = self._listen(options)
        if options.otlp:
            from stacks.watch.metrics import Metrics
            from stacks.watch.otlp import Otlp

            self._otlp = Otlp(options.otlp, Metrics(self._look, self._own), self._say)

    def _listen(self, options: argparse.Namespace) -> Exporter:
        from stacks.watch.exporter import Exporter
        from stacks.watch.metrics import Metrics

        try:
            listening = parse_listening(options.listen)
        except ValueError as error:
            raise UsageError(str(error)) from None
        try:
            exporter = Exporter(listening, options.metrics, Metrics(self._look, self._own))
        except OSError as error:
            where = f"{listening.address}, port {options.metrics}"
            raise UsageError(f"METRICS={options.metrics}: {where} cannot be used ({error.strerror})") from None
        if warning := listening.warning(exporter.port, "read the metrics"):
            print_red(f"watch: {warning}", sys.stderr, no_color="NO_COLOR" in os.environ)
        self._say(f"the metrics are at {listening.url(exporter.port)}/metrics")
        return exporter

    # -- what the loop calls --------------------------------------------------------------------

    def take_row(self, pid: int, row: Event) -> None:
        """Take a lifecycle row of a master; the `take_row` of the fleet."""
        if self._recording is not None:
            self._recording.take_row(pid, row)

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when `take` should be called before the next step; None if none is."""
        return self._exporter.fileno() if self._exporter is not None else None

    @property
    def next_due_s(self) -> float:
        """Seconds until `take` should be called again, also if nothing happens."""
        is_busy = self._command is not None and self._command.is_busy
        if is_busy or any(healing.is_busy for healing in self._healings.values()):
            return BUSY_S
        return REST_S if self._otlp is not None else math.inf

    def take(self, fleet: Fleet, changes: Sequence[Change]) -> None:
        """Take in what changed. Call it after every step, also if nothing changed."""
        self._fleet = fleet
        for pid, of_master in by_master(fleet, changes).items():
            self._note_masters(of_master)
            self._totals.setdefault(pid, Totals()).take(of_master)
        for pid, watch in fleet.watches.items():
            of_master = [change for change in changes if change.master_pid in (pid, watch.pid)]
            if self._heals:
                self._healings.setdefault(pid, Healing(self._say)).take(of_master, watch.view)
        if self._command is not None:
            self._command.take(changes, self._view_of)
        self._forget(fleet)
        if self._exporter is not None:
            self._exporter.answer()
        if self._otlp is not None:
            self._otlp.take()

    def close(self) -> None:
        """End everything. The recording gets its verdict and its page, which takes seconds."""
        for healing in self._healings.values():
            healing.close()
        for companion in (self._exporter, self._otlp, self._command, self._recording):
            if companion is not None:
                companion.close()

    # -- what they ask for ----------------------------------------------------------------------

    def _look(self) -> list[tuple[InstanceView, Totals]]:
        """Return the present picture of every master, with its totals."""
        watches = self._fleet.watches if self._fleet is not None else {}
        return [(watch.view(), self._totals.setdefault(pid, Totals())) for pid, watch in watches.items()]

    def _own(self) -> Own:
        from stacks.watch.metrics import Own

        healings = {self._pid_now(pid): healing for pid, healing in self._healings.items()}
        return Own(
            healed={pid: healing.healed for pid, healing in healings.items()},
            healing_stopped=frozenset(pid for pid, healing in healings.items() if healing.stopped),
            recording_failed=self._recording is not None and self._recording.has_failed,
            ended=[(name, pid) for name, (pid, _) in self._ended.items()],
        )

    def _pid_now(self, pid: int) -> int:
        watch = self._fleet.watches.get(pid) if self._fleet is not None else None
        return watch.pid if watch is not None else pid

    def _view_of(self, change: Change) -> InstanceView | None:
        """Return the picture of the uWSGI that a change is about; None if it is watched no more."""
        watches = self._fleet.watches.values() if self._fleet is not None else ()
        return next((watch.view() for watch in watches if watch.pid == change.master_pid), None)

    def _note_masters(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == WATCHING:
                self._names[change.master_pid] = name = str(change.data.get("name", ""))
                self._ended.pop(name, None)
            elif change.kind == MASTER_ENDED:
                name = self._names.pop(change.master_pid, str(change.master_pid))
                self._ended[name] = change.master_pid, time.monotonic()

    def _forget(self, fleet: Fleet) -> None:
        """Forget masters that have ended."""
        if len(self._totals) <= len(fleet.watches) and not self._ended:
            return
        self._totals = {pid: totals for pid, totals in self._totals.items() if pid in fleet.watches}
        for pid in self._healings.keys() - fleet.watches.keys():
            self._healings.pop(pid).close()
        now_s = time.monotonic()
        self._ended = {name: end for name, end in self._ended.items() if now_s - end[1] < ENDED_S}


def by_master(fleet: Fleet, changes: Sequence[Change]) -> dict[int, list[Change]]:
    """Group changes by the pid that their master had when its watching began."""
    keys = {watch.pid: pid for pid, watch in fleet.watches.items()}
    groups: dict[int, list[Change]] = {}
    for change in changes:
        groups.setdefault(keys.get(change.master_pid, change.master_pid), []).append(change)
    return groups
