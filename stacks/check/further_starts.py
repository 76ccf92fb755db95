"""Starts a configuration again where its master has threads when it forks: a measurement in, that of all starts out.

Such a thread hangs a worker only where it holds a lock, or Python's GIL, in the moment of the fork. So a hang comes by
chance. The first workers of a start are forked together, while the threads of the app may still be busy with their own
start. So most of them hang, or none does: elastic-apm and sentry-sdk hung 6 to 8 of the 8 first workers of a start, and
almost no later worker (stacks/LIBRARIES.md). One start with many respawns would miss that. So a check takes several
starts, with a few respawns each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from stacks.check.check_runs import UNTOLD_GRACE_S, CheckRuns
from stacks.check.measurement import Measurement, read_measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.lifecycle.counted import counted
from stacks.lifecycle.rates import highest_rate_without_hang, respawns_to_rule_out
from stacks.lifecycle.verdict import VERDICTS
from stacks.observe.memory_room import available_mib

RULED_OUT = 0.02  # the respawns of all starts rule out this hang rate
STARTS = 8  # further ones; 9 starts miss a hang of every third start with 3 %
WORKERS = 16  # of a further start: W workers recycle about W times a second
AT_ONCE = 4
LAST_BEGIN_S = 12.0  # no further start begins later, so an app that starts slowly gets fewer
LIMIT_S = 10.0  # of the load of a further start
ROOM = 0.5  # share of the available memory that further starts may fill
# A start that ends in another way may do so because the machine has no room for so many processes.
COUNTS = ("recovers", "hung_master", "hung_worker", "hung_request", "hung_exit")
SUMS = ("respawns", "hung", "crashed", "dead_on_request", "hung_at_exit", "hung_in_request", "exit_crashes", "exits")
WHY = f"{WORKERS} workers give more respawns a second, and threads live in the master when it forks"


def is_at_risk(measurement: Measurement) -> bool:
    """Return True if a worker may hang by chance although none has hung in the run of `measurement`.

    Where an exit takes longer than the load of a further start, such a start would see no respawn.
    """
    is_healthy = measurement.verdict == "recovers" and not measurement.error
    is_quick = measurement.recycle_phases_s.get("exit", 0.0) < LIMIT_S
    return is_healthy and measurement.master_threads > 1 and is_quick


def start_again(
    runs: CheckRuns, first: Measurement, starts: int = STARTS, report: Callable[[str], None] = lambda _text: None
) -> Measurement:
    """Return the measurement of `first` and of up to `starts` further starts together; `first` if there is no risk.

    The verdict, the times and the files are those of the worst start. The first start that fails ends the search.
    `report` is called with a sentence before the further starts begin.
    """
    if not is_at_risk(first):
        return first
    neutral, at_once = _with_workers(runs.neutral), starts_at_once(first, runs.neutral.workers, available_mib())
    if not at_once:
        report("threads in the master when it forks, but not enough memory for further starts")
        return first
    report(
        f"{first.master_threads - 1} further thread(s) in the master when it forks, so a hang may come by chance: "
        f"up to {starts} further starts, each with {WORKERS} workers"
    )
    wanted = math.ceil(max(WORKERS, (respawns_to_rule_out(RULED_OUT) - first.trials) / starts))
    suffix, log = ("-piped", "pipe") if first.directory.endswith("-piped") else ("", "socket")
    plan = runs.plan(log, is_remedy=True) | {
        "workers": WORKERS,
        "respawns": wanted,
        "limit_s": LIMIT_S,
        "grace_s": UNTOLD_GRACE_S,  # the stop of the first start is the one that is told
    }
    # DEEP=1 asks for many: each group of AT_ONCE takes about as long as the load of one.
    deadline_s = time.monotonic() + LAST_BEGIN_S * max(1.0, starts / STARTS)
    seen = [first]

    def start(number: int) -> None:
        if any(one.is_hang for one in seen) or time.monotonic() > deadline_s:
            return
        directory = runs.execute(f"start-{number}{suffix}", neutral, runs.invocation.uwsgi, plan)
        measurement = read_measurement(directory)
        if counts(measurement, wanted):
            seen.append(measurement)

    with runs.pool(at_once) as pool:
        list(pool.map(start, range(2, starts + 2)))
    return together(seen)


def starts_at_once(first: Measurement, workers: int, room_mib: float) -> int:
    """Return how many further starts have room beside each other; 0 if not even one has.

    A worker shares memory with its master, and less of it with time, so a start is taken to need what the `workers` of
    `first` needed, for each of its own.
    """
    if first.memory_mib is None:
        return AT_ONCE
    return min(AT_ONCE, int(ROOM * room_mib / (first.memory_mib * max(1.0, WORKERS / workers))))


def counts(run: Measurement, wanted: int) -> bool:
    """Return True if the further start of `run` tells something: also if it saw fewer respawns than `wanted`."""
    is_short = run.verdict == "invalid" and 0 < run.respawns < wanted and "held up" not in run.reason
    return not run.error and (is_short or run.verdict in COUNTS)


def together(seen: Sequence[Measurement]) -> Measurement:
    """Return one measurement of all starts: the numbers of workers are sums, all else is that of the worst start."""
    worst = min(seen, key=lambda one: VERDICTS.index(one.verdict) if one.is_hang else len(VERDICTS))
    if len(seen) == 1:
        return seen[0]
    bad = sum(one.is_hang for one in seen)
    sums = {name: sum(getattr(one, name) for one in seen) for name in SUMS}
    all_back = f"{sums['respawns']} of {sums['respawns'] + sums['hung']} respawns came back on {len(seen)} starts"
    where = f"in {bad} of {len(seen)} starts" if bad else f"in all, {all_back}"
    return replace(
        worst,
        **sums,
        reason=f"{worst.reason}; {where}",
        starts=len(seen),
        failed_starts=bad,
        fork_threads=worst.fork_threads or seen[0].fork_threads,
    )


def describe_starts(run: Measurement) -> str:
    """Return the sentence about the further starts, and what they rule out; '' if there were none."""
    if run.starts < 2:
        return ""
    said = (
        "Threads live in the master when it forks, so a hang comes by chance, and often to most first workers of a "
        f"start together. So the check started the configuration {run.starts} times, from the second time on with "
        f"{WORKERS} workers"
    )
    if run.is_hang:
        return f"{said}: workers did not come back in {counted(run.failed_starts or 0, 'start', 'starts')}."
    respawns, starts = (100 * (highest_rate_without_hang(count) or 0.0) for count in (run.trials, run.starts))
    return (
        f"{said}: {run.trials} respawns without a hang rule out that more than {respawns:.1f} % of the respawns hang, "
        f"and {run.starts} starts that more than {starts:.0f} % of the starts do (95 %)."
    )


def _with_workers(neutral: NeutralConfiguration) -> NeutralConfiguration:
    changed = replace(neutral, options=list(neutral.options), changes=list(neutral.changes), workers=WORKERS)
    changed.set_option("processes", str(WORKERS), WHY, ("workers",))
    return changed
