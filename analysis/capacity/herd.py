"""Simulates a herd event by event: workers that started together reach max-requests together and are away together.

A simulation, because no formula fits: a normal approximation says that 9 of 16 workers are away at once where the
simulation says 14 to 16. The workers that are left take the load of the others, so they reach max-requests sooner.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field

from analysis.capacity.formulas import limit_of_worker


@dataclass(frozen=True, slots=True)
class Setting:
    """A configuration and its demand."""

    workers: int
    max_requests: int
    demand_rps: float
    service_s: float  # the time that a request occupies a thread
    away_s: float  # a worker's absence at a recycle, after the master has reaped it
    delta: int = 0  # max-requests-delta
    threads: int = 1
    min_lifetime_s: float = 0.0  # min-worker-lifetime
    hang_probability: float = 0.0  # that a respawn hangs
    balance: str = "random"  # which free worker takes the next request: random, fifo (longest idle) or lifo
    reap_interval_s: float = 0.0  # the master reaps dead workers once in this time; 0: at once


@dataclass(slots=True)
class Simulation:
    """What happened in a simulation. Times are seconds since its begin."""

    recycles: int = 0
    peak_down: int = 0  # most workers away at once
    peak_waiting: int = 0  # most requests that waited at once
    hung: int = 0
    answered: int = 0
    outage_s: float | None = None  # when the last worker hung
    hangs_s: list[float] = field(default_factory=list)  # when each hung worker hung
    down_s: float = 0.0  # worker-seconds away
    waits_s: list[float] = field(default_factory=list)  # how long each request waited that a worker took

    def wait_s(self, share: float) -> float:
        """Return the time that `share` of the requests did not wait longer than."""
        ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Pool:
    """The workers: their free threads, and how many requests each may still take."""

    def __init__(self, setting: Setting, generator: random.Random) -> None:
        self.setting, self.generator = setting, generator
        self.free: list[int] = [w for w in range(setting.workers) for _ in range(setting.threads)]  # one a free thread
        self.served = [0] * setting.workers
        self.busy = [0] * setting.workers
        self.limit = [limit_of_worker(setting.max_requests, setting.delta, w + 1) for w in range(setting.workers)]
        self.born_s = [0.0] * setting.workers
        self.leaving = [False] * setting.workers

    def take(self) -> int:
        """Give a request to a worker with a free thread, and return the worker."""
        if self.setting.balance == "random":
            index = self.generator.randrange(len(self.free))
            self.free[index], self.free[-1] = self.free[-1], self.free[index]
            worker = self.free.pop()
        else:
            worker = self.free.pop(0 if self.setting.balance == "fifo" else -1)
        self.busy[worker] += 1
        return worker

    def release(self, worker: int, now: float) -> bool:
        """End a request of the worker. Return True if the worker leaves now.

        A worker leaves when it has reached its limit and its minimum lifetime, and none of its threads is busy.
        """
        self.served[worker] += 1
        self.busy[worker] -= 1
        old_enough = now - self.born_s[worker] >= self.setting.min_lifetime_s
        if not self.leaving[worker] and self.served[worker] >= self.limit[worker] and old_enough:
            self.leaving[worker] = True
            self.free = [w for w in self.free if w != worker]
        if not self.leaving[worker]:
            self.free.append(worker)
        return self.leaving[worker] and self.busy[worker] == 0

    def respawn(self, worker: int, now: float) -> None:
        """Put a new process in the slot of the worker."""
        self.served[worker], self.leaving[worker], self.born_s[worker] = 0, False, now
        self.free += [worker] * self.setting.threads


ARRIVAL, DONE, BACK = 0, 1, 2  # kinds of event


def reaped_s(died_s: float, reap_interval_s: float, phase_s: float) -> float:
    """Return the next tick of the master's loop after a death; the ticks are at phase_s + k reap_interval_s."""
    if reap_interval_s <= 0:
        return died_s
    return phase_s + math.ceil((died_s - phase_s) / reap_interval_s) * reap_interval_s


def simulate(setting: Setting, seconds: float, seed: int = 1) -> Simulation:
    """Simulate until `seconds`, or until every worker hangs: Poisson arrivals, constant service time, one queue."""
    generator = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    pool, result = _Pool(setting, generator), Simulation()
    arrivals_s: list[float] = []
    phase_s = generator.random() * setting.reap_interval_s
    begun = down = 0  # requests that a worker took; workers that are away
    events: list[tuple[float, int, int, int]] = [(generator.expovariate(setting.demand_rps), 0, ARRIVAL, 0)]
    number = 0  # keeps events of the same time in the order in which they were added

    def push(when: float, kind: int, worker: int) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (when, number, kind, worker))

    while events:
        now, _, kind, worker = heapq.heappop(events)
        if now > seconds:
            break
        if kind == ARRIVAL:
            arrivals_s.append(now)
            push(now + generator.expovariate(setting.demand_rps), ARRIVAL, 0)
        elif kind == DONE:
            result.answered += 1
            if pool.release(worker, now):
                down += 1
                result.recycles += 1
                result.peak_down = max(result.peak_down, down)
                if generator.random() < setting.hang_probability:
                    result.hung += 1
                    result.hangs_s.append(now)
                    result.down_s += seconds - now
                    if result.hung == setting.workers:
                        result.outage_s = now
                        break
                else:
                    back_s = reaped_s(now, setting.reap_interval_s, phase_s) + setting.away_s
                    result.down_s += min(back_s, seconds) - now
                    push(back_s, BACK, worker)
        else:
            down -= 1
            pool.respawn(worker, now)
        while pool.free and begun < len(arrivals_s):
            result.waits_s.append(now - arrivals_s[begun])
            begun += 1
            push(now + setting.service_s, DONE, pool.take())
        result.peak_waiting = max(result.peak_waiting, len(arrivals_s) - begun)
    return result
