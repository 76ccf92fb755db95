"""The command `watch`: attaches to the masters that the user names, and shows them in the form that he asks for."""

from __future__ import annotations

import argparse
import json
import sys
import time

from stacks.catalogue.usage_error import UsageError
from stacks.listen.address import LOOPBACK
from stacks.watch.changes_output import print_changes
from stacks.watch.codes import COULD_NOT, HUNG, NAGIOS_CRITICAL, NAGIOS_OK, NAGIOS_UNKNOWN, NAGIOS_WARNING, OK
from stacks.watch.fleet import Fleet, Source
from stacks.watch.notices import Notices
from stacks.watch.target import CannotWatch
from stacks.watch.view import STARTING, THROTTLED, InstanceView

# --once waits for so long for proofs about workers that start or stand still: a proof takes 1.5 s without a debugger.
SETTLE_S, STEP_S = 4.0, 0.05


def main(options: argparse.Namespace) -> int:
    """Watch, and return the exit code."""
    source = Source(options.pid, options.pidfile, options.ini, options.all)
    try:
        if options.listen != LOOPBACK and options.metrics is None:
            raise UsageError(f"LISTEN={options.listen} is the address for METRICS=PORT; add it")
        if has_companion(options):
            return accompanied(source, options)
        with Fleet(source) as fleet:
            if options.nagios:
                return nagios(fleet)
            if options.once:
                return once(fleet)
            return lines(fleet) if options.json else live(fleet)
    except CannotWatch as error:
        if options.nagios:
            print(f"UWSGI UNKNOWN - {error}")
            return NAGIOS_UNKNOWN
        print(f"watch: {error}", file=sys.stderr)
        return COULD_NOT


def has_companion(options: argparse.Namespace) -> bool:
    """Return True if the options name a companion."""
    return options.metrics is not None or bool(options.otlp or options.record or options.on_hang or options.heal)


def accompanied(source: Source, options: argparse.Namespace) -> int:
    """Watch with companions until a signal or the end of the masters. Return the exit code. Raises UsageError."""
    from stacks.console import interrupts
    from stacks.watch.accompanied_fleet import AccompaniedFleet
    from stacks.watch.companions import Companions

    if options.once or options.nagios:
        raise UsageError(
            "--once and --nagios look only once; leave out --metrics, --otlp, --record, --on-hang and --heal"
        )
    notices = Notices(is_shown=options.json or not sys.stdout.isatty())
    companions = Companions(options, notices.say)
    try:
        with AccompaniedFleet(source, companions) as fleet:
            if options.json:
                return lines(fleet)
            notices.has_screen = True
            return live(fleet)
    finally:
        interrupts.ignore()  # the recording gets its verdict and its page, which takes some seconds
        companions.close()
        notices.show()


def settle(fleet: Fleet, limit_s: float = SETTLE_S) -> list[InstanceView]:
    """Watch until each worker is either well or proven to hang, about `limit_s` at most. Return the pictures.

    It takes longer on a busy machine, which may run this process too rarely for the looks that a proof needs. Raises
    CannotWatch if every master ended meanwhile.
    """
    end_s, least_steps = time.monotonic() + limit_s, limit_s / STEP_S / 2
    steps = 0
    while steps == 0 or not all(watch.is_settled for watch in fleet.watches.values()):
        if steps >= least_steps and time.monotonic() >= end_s:
            break
        fleet.step(STEP_S)
        steps += 1
    views = fleet.views()
    if not views:
        raise CannotWatch("the master ended while it was looked at")
    return views


def code_of(views: list[InstanceView]) -> int:
    """Return the exit code for pictures: a hang counts most; a hang that cannot be proven is no answer."""
    if any(view.is_hung for view in views):
        return HUNG
    return COULD_NOT if any(blind.what == "waits" for view in views for blind in view.blind) else OK


def once(fleet: Fleet) -> int:
    """Print a table of the workers. Return the exit code."""
    from stacks.watch.table import print_tables

    views = settle(fleet)
    print_tables(views)
    for text in fleet.refused.values():
        print(f"watch: {text}", file=sys.stderr)
    return code_of(views)


def nagios(fleet: Fleet) -> int:
    """Print one line as a Nagios plugin does. Return its exit code."""
    views = settle(fleet)
    workers = [worker for view in views for worker in view.workers]
    hung = sum(view.hung for view in views)
    starting = sum(worker.state == STARTING for worker in workers)
    queued = sum(view.queued or 0 for view in views)
    is_full = any(queue.waiting > queue.limit > 0 for view in views for queue in view.queues or ())
    code, word = NAGIOS_OK, "OK"
    if any(view.is_hung for view in views):
        code, word = NAGIOS_CRITICAL, "CRITICAL"
    elif code_of(views) == COULD_NOT:
        code, word = NAGIOS_UNKNOWN, "UNKNOWN"
    elif is_full or any(view.doing == THROTTLED for view in views):
        code, word = NAGIOS_WARNING, "WARNING"
    reasons = [worker.reason for worker in workers if worker.reason] + [view.master_hang for view in views]
    reason = next((f": {text}" for text in reasons if text), "").replace("|", "/")
    data = f"hung={hung};;0;0;{len(workers)} starting={starting};;;0 workers={len(workers)};;;0 queue={queued};;;0"
    print(f"UWSGI {word} - {hung} of {len(workers)} workers hung, {queued} connections wait{reason} | {data}")
    return code


def lines(fleet: Fleet) -> int:
    """Print one line of JSON for each change, until the masters have ended. Return the exit code."""
    return print_changes(fleet, lambda change: json.dumps(change.to_dict()))


def live(fleet: Fleet) -> int:
    """Show the live view until the user leaves it or the masters have ended. Return the exit code.

    Without a terminal, print one line for each change.
    """
    if not sys.stdout.isatty():
        return print_changes(fleet, lambda one: f"{time.strftime('%H:%M:%S')} {one.master_pid} {one.text}")
    from stacks.watch.live import Live

    return Live(fleet).run()
