"""Takes the ways of a configuration on as few starts of uWSGI as possible, each in its own run directory.

The ways that a trigger takes follow each other on one instance. After one that fails, the next begins on a new
instance, because the old one shows nothing about it. Each stop, and each limit of a worker, needs an own instance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.check.check_runs import CheckRuns
from stacks.check.measurement import read_measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import numbers
from stacks.check.recycling import Preparation
from stacks.check.ways import copies, recordings, way_plans
from stacks.check.ways.derivation import IDLE
from stacks.check.ways.known_defects import explain
from stacks.check.ways.progress import Progress
from stacks.check.ways.taken import TakenWay, merged, not_taken
from stacks.check.ways.way import INSTANCE, STOP, Way
from stacks.lifecycle.way_results import WayResult

AT_ONCE = 3  # a run mostly waits: for the master's turns, and for the answers of a few users
SLOW_URL = "PACK_SLOW_URL"  # a page that locustfiles/check.py requests beside the other
PAUSE = "PACK_PAUSE_S"  # how long its users pause after each second of load


@dataclass
class WayTaker:
    """Takes ways. `neutralise` makes the copy for a preparation."""

    runs: CheckRuns
    neutralise: Callable[[Preparation], NeutralConfiguration]
    slow_url: str
    start_s: float  # how long the app needs to start
    log: str  # what the log of uWSGI is: socket or pipe
    deep: bool
    version: str  # of the checked uWSGI
    progress: Progress
    label: str = "way"  # the names of the run directories begin with it
    _numbers: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, ways: Sequence[Way]) -> list[TakenWay]:
        """Take every way that can be taken, and return all of them in their order."""
        can = [way for way in ways if not way.why_not]
        taken = [not_taken(way, way.why_not) for way in ways if way.why_not]
        with self.runs.pool(AT_ONCE) as pool:
            waiting = {pool.submit(self._take, steps) for steps in self._runs(can)}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for part in done:
                    found, left = part.result()
                    taken += found
                    still = {way for chain in left for way in chain}
                    self.progress.finish(one.way.name for one in found if one.way not in still)
                    waiting |= {pool.submit(self._take_asked, chain) for chain in left}
        by_way = {way: [one for one in taken if one.way == way] for way in ways}
        return [merged(parts) for parts in by_way.values() if parts]

    def _runs(self, ways: Sequence[Way]) -> list[list[Way]]:
        """Return what is taken on one instance each. The longest run begins first, so that none of them ends late."""
        steps = [*self._chains(ways), *([way] for way in ways if not way.is_asked)]
        return sorted(steps, key=way_plans.usual_s, reverse=True)

    def _take(self, steps: Sequence[Way]) -> tuple[list[TakenWay], list[list[Way]]]:
        return self._take_asked(steps) if steps[0].is_asked else self._take_limited(steps[0])

    def _chains(self, ways: Sequence[Way]) -> list[list[Way]]:
        """Return the ways that follow each other on one instance: what may end the instance comes last.

        Ways that replace workers share one instance, and ways that execute the instance again another one. The shorter
        list ends with the first stop. Each other stop, and a way with options of its own, is a list of its own. With
        DEEP=1 each way is a list of its own: a start is quick beside so many takings, and the lists are equally long.
        """
        asked = sorted((way for way in ways if way.is_asked), key=lambda way: way.risk)
        workers = self.neutralise(copies.calm(asked)).workers
        if self.deep:
            return [[way] * way_plans.times(way, workers, deep=True) for way in asked]
        own = [[one] for one in asked if one.settings]
        shared = [way for way in asked if way.kind != STOP and not way.settings]
        chains = [[way for way in shared if (way.risk == INSTANCE) == is_last] for is_last in (False, True)]
        chains = [chain for chain in chains if chain] or [[]]
        stops = [way for way in asked if way.kind == STOP]
        min(chains, key=len).extend(stops[:1])
        return [chain for chain in (*chains, *own, *([stop] for stop in stops[1:])) if chain]

    def _take_asked(self, steps: Sequence[Way]) -> tuple[list[TakenWay], list[list[Way]]]:
        """Take `steps` in their order, up to the first that fails. Return their results, and what is left to take."""
        directory = self._run_asked(steps)
        steps = [way for way in steps for _ in way.steps]
        results = recordings.read_ways(directory)
        if not results:
            why = recordings.read_error(directory) or "the run ended before this way could be taken"
            return [TakenWay(way, WayResult("invalid", why, times=0), directory) for way in dict.fromkeys(steps)], []
        failed = next((number for number, (_, result) in enumerate(results) if result.verdict != "recovers"), None)
        end = len(results) if failed is None else failed + 1
        taken = [TakenWay(way, result, directory) for way, (_, result) in zip(steps, results[:end], strict=False)]
        left = [way for way in steps[end:] if failed is None or way != steps[failed]]
        if failed is not None and steps[failed].risk == INSTANCE:
            # What ends the instance here will do the same to the others, so each gets an instance of its own at once.
            return taken, [[way for way in left if way == other] for other in dict.fromkeys(left)]
        return taken, [left] if left else []

    def _run_asked(self, steps: Sequence[Way]) -> Path:
        neutral = self.neutralise(copies.calm(steps))
        runs = self.runs
        plan = way_plans.asked_plan(steps, neutral.workers, runs.url, self.start_s, runs.start_limit_s, self.log)
        name = self._name(steps[0].name)
        return runs.execute(
            name, neutral, runs.invocation.uwsgi, plan, on_line=lambda line: self._hear(name, line, steps)
        )

    def _take_limited(self, way: Way) -> tuple[list[TakenWay], list[list[Way]]]:
        neutral, runs = self.neutralise(copies.limited(way, self.start_s)), self.runs
        plan = way_plans.limited_plan(
            way, neutral.workers, runs.url, self.start_s, runs.start_limit_s, self.log, deep=self.deep
        )
        environment = {SLOW_URL: self.slow_url} if way.option == "harakiri" else {}
        if way.option == IDLE:
            environment = {PAUSE: way_plans.IDLE_PAUSE_S}
        self.progress(way.name, way.name)

        def hear(line: dict[str, Any]) -> None:
            if self.deep and line.get("respawns"):
                self.progress(way.name, way.name, min(line["respawns"], plan["respawns"]), plan["respawns"])

        directory = runs.execute(self._name(way.name), neutral, runs.invocation.uwsgi, plan, environment, hear)
        self.progress(way.name, "")
        measurement = read_measurement(directory)
        if measurement.error:
            return [TakenWay(way, WayResult("invalid", measurement.error, times=0), directory)], []
        result = recordings.read_limited_way(measurement, has_pauses=way.option == IDLE)
        threads = numbers(neutral.options).get("threads", 1)
        return [explain(TakenWay(way, result, directory), threads, self.version)], []

    def _hear(self, name: str, line: dict[str, Any], steps: Sequence[Way]) -> None:
        if line["phase"] == "done":
            self.progress(name, "")
            return
        # With DEEP=1 all steps of a run take one way.
        number, of = (line.get("step", 0), sum(len(way.steps) for way in steps)) if self.deep else (0, 0)
        self.progress(name, line.get("way", ""), number, of)

    def _name(self, first: str) -> str:
        """Return the name of the next run directory that begins with the way `first`."""
        with self._lock:
            number = self._numbers[first] = self._numbers.get(first, 0) + 1
        return f"{self.label}-{first}" + (f"-{number}" if number > 1 else "")
