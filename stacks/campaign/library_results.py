"""Reads what became of each library in each mode from the directories of `libraries` campaigns.

Runs of several directories count together where they have the same library, mode, packages and version.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from stacks.catalogue.libraries import MODES
from stacks.lifecycle.exit_crashes import ExitCrashes, exit_crashes
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, EVENTS_FILE, RUN_FILE, RecordError
from stacks.lifecycle.stuck_workers import stuck_at_exit
from stacks.lifecycle.verdict import VERDICTS

MODE_OF_STACK = {stack: mode for mode, stack in MODES.items()}
INVALID = "invalid"
NO_EXITS = ExitCrashes(0, 0)


@dataclass(frozen=True)
class LibraryRun:
    """What one run says. A number that it does not tell is None."""

    verdict: str
    reason: str
    trials: int  # workers whose fate was seen: respawns, and those of the first generation that hung
    hung: int  # of them, at the fork, in a request or at the exit
    hung_first: int  # of these, in the first generation
    respawns_s: tuple[float, ...]  # from the begin of an exit to the next worker that is ready; inf: never
    master_threads: int | None
    items: dict[str, Any] | None  # as in run.json
    lost_threads: tuple[str, ...] | None  # the threads that live in the master only; None: nobody looked
    looked_late: bool  # the workers had answered requests before their threads were looked at
    exits: ExitCrashes = NO_EXITS


@dataclass
class LibraryResult:
    """The runs of a library in a mode."""

    library: str
    mode: str
    packages: tuple[str, ...]
    version: str
    not_tested_because: str = ""
    runs: list[LibraryRun] = field(default_factory=list)

    @property
    def judged(self) -> list[LibraryRun]:
        """The runs that have a verdict other than `invalid`."""
        return [run for run in self.runs if run.verdict != INVALID]

    @property
    def verdict(self) -> str | None:
        """The severest verdict of the judged runs; None without one."""
        return min((run.verdict for run in self.judged), key=VERDICTS.index, default=None)

    @property
    def verdicts(self) -> Counter[str]:
        """How many judged runs have each verdict, the severest first."""
        return Counter(sorted((run.verdict for run in self.judged), key=VERDICTS.index))

    @property
    def counts(self) -> tuple[int, int, int]:
        """(hung, trials, hung in the first generation) of all judged runs."""
        rows = [(run.hung, run.trials, run.hung_first) for run in self.judged]
        hung, trials, first = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 0)
        return hung, trials, first

    @property
    def exits(self) -> ExitCrashes:
        """How many workers crashed while they left, of those that left, in all judged runs."""
        rows = [run.exits for run in self.judged]
        return ExitCrashes(sum(row.crashed for row in rows), sum(row.left for row in rows))

    @property
    def recycle_s(self) -> float | None:
        """The median time of a recycle; inf if most workers never came back, None without a recycle."""
        times = [seconds for run in self.judged for seconds in run.respawns_s if not math.isnan(seconds)]
        return median_low(times) if times else None

    @property
    def master_threads(self) -> int | None:
        """The threads of the master when it forked the first workers: the most of all runs."""
        return max((run.master_threads for run in self.runs if run.master_threads is not None), default=None)

    @property
    def lost_threads(self) -> tuple[str, ...] | None:
        """The threads that live in the master only; None if no run looked at them.

        A library may start its thread again at the first request of a worker. So runs that looked at workers after
        their requests count alone, if there are any.
        """
        looks = [(run.looked_late, run.lost_threads) for run in self.runs if run.lost_threads is not None]
        latest = [names for is_late, names in looks if is_late] or [names for _, names in looks]
        return tuple(dict.fromkeys(name for names in latest for name in names)) if latest else None

    def items(self, of: str = "") -> tuple[int, int] | None:
        """(arrived, sent) of all judged runs; None if no item was sent.

        `of` is `lived_on` for the workers that still served at the end, `left` for the others, '' for all.
        """
        rows = [_part(run.items, of) for run in self.judged if run.items is not None]
        arrived, sent = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0)
        return (arrived, sent) if sent else None


@dataclass
class LibraryResults:
    """All results, and the facts of the page's head."""

    results: list[LibraryResult]
    dates: list[str]  # of the runs, sorted, such as 2026-11-27
    servers: list[str]  # such as "pyuwsgi 2.0.30.post1 on Python 3.12.1"
    hosts: list[dict[str, Any]]
    plan: dict[str, Any]  # of the newest campaign

    def of(self, library: str, mode: str) -> LibraryResult | None:
        """Return the result of a library in a mode; None if no campaign has it."""
        return next((row for row in self.results if (row.library, row.mode) == (library, mode)), None)


def read_results(directories: Iterable[Path]) -> LibraryResults:
    """Read the campaigns in these directories. Raises RecordError if one of them is not of `libraries`."""
    results: dict[tuple[Any, ...], LibraryResult] = {}
    dates, servers, hosts, plan = set(), set(), {}, {}
    for directory in directories:
        campaign = read_json(directory / CAMPAIGN_FILE)
        if campaign["kind"] != "libraries":
            raise RecordError(f"{directory}: this is a campaign of `{campaign['kind']}`, not of `libraries`")
        plan = campaign["plan"]
        for cell in campaign["cells"]:
            result = _result(cell)
            result = results.setdefault((result.library, result.mode, result.packages, result.version), result)
            for record, path in _records(directory, cell):
                try:
                    result.runs.append(_run(record, path))
                    dates.add(_date(record))
                    servers.add(f"{record['package']} {record['package_version']} on Python {record['python_full']}")
                except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                    what = f"{type(error).__name__}: {error}"
                    raise RecordError(f"{path}: lacks what the page needs ({what}). Repeat the run.") from error
                hosts[record["host"]["hostname"]] = record["host"]
    return LibraryResults(list(results.values()), sorted(dates), sorted(servers), list(hosts.values()), plan)


def _result(cell: dict[str, Any]) -> LibraryResult:
    return LibraryResult(
        cell["variant"],
        MODE_OF_STACK[cell["stack"]],
        tuple(cell.get("packages", ())),
        cell["version"],
        cell["not_tested_because"] or "",
    )


def _records(directory: Path, cell: dict[str, Any]) -> Iterable[tuple[dict[str, Any], Path]]:
    """Yield run.json of each run of the cell that came to a verdict, with the directory of the run."""
    for run_id in cell["runs"]:
        path = directory / run_id
        if (path / RUN_FILE).is_file() and (record := read_json(path / RUN_FILE))["status"] == "done":
            yield record, path


def _part(items: dict[str, Any], of: str) -> tuple[int, int]:
    """Return (arrived, sent) of a part of run.json's `items`."""
    everything, lived_on = ((row["arrived"], row["sent"]) for row in (items, items["lived_on"]))
    if of == "left":
        return everything[0] - lived_on[0], everything[1] - lived_on[1]
    return lived_on if of else everything


def _date(record: dict[str, Any]) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(record["clock"]["unix_ns"] / 1e9))


def _run(record: dict[str, Any], path: Path) -> LibraryRun:
    lifecycle = Lifecycle.of(read_events(path / EVENTS_FILE))
    trials, hung, first = count_hung(lifecycle)
    at_ready = record.get("at_ready", {})
    return LibraryRun(
        verdict=record["verdict"],
        reason=record["reason"],
        trials=trials,
        hung=hung,
        hung_first=first,
        respawns_s=tuple(episode.respawn_s for episode in lifecycle.episodes()),
        master_threads=at_ready.get("master_threads"),
        items=record.get("items"),
        lost_threads=lost_threads(record.get("fork_threads")),
        looked_late=bool((record.get("fork_threads") or {}).get("answered")),
        exits=exit_crashes(lifecycle),
    )


def lost_threads(threads: dict[str, Any] | None) -> tuple[str, ...] | None:
    """Return the threads of the master that no worker has, each with the package that started it.

    `threads` is `fork_threads` of run.json. Returns None if nobody looked.
    """
    if threads is None or threads["reason"] or not threads["workers"]:
        return None
    return tuple(
        row["thread"] + (f" ({row['package']})" if row["package"] else "")
        for row in threads["threads"]
        if row["in_master"] and row["in_workers"] == 0
    )


def count_hung(lifecycle: Lifecycle) -> tuple[int, int, int]:
    """Return (trials, hung, hung of the first generation): of any kind of hang, at the fork, in a request, at the exit.

    A trial is a respawn whose outcome was seen, or a worker that hung and is no such respawn.
    """
    episodes = lifecycle.episodes()
    respawned = {episode.pid for episode in episodes if episode.is_respawn}
    generations = {episode.pid: episode.generation for episode in episodes}
    hung = {episode.pid for episode in episodes if episode.outcome == "hung_at_fork"}
    hung |= set(lifecycle.deadlocks())
    hung |= {episode.previous_pid for episode in episodes if episode.outcome == "hung_at_exit"}
    hung |= set(stuck_at_exit(lifecycle.workers, lifecycle.now_ns))
    return len(respawned | hung), len(hung), sum(generations.get(pid) == 0 for pid in hung)
