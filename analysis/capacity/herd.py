"""Workers that reach max-requests together: a simulation of recycling event by event, because no formula fits.

A normal approximation says 9 of 16 workers are away at once where the truth is 14 to 16: those left take
the load of the others and reach their limit sooner.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field

from analysis.capacity.formulas import limit_of_worker


@dataclass(frozen=True, slots=True)
class Setting:
    """A configuration and what is asked of it."""

    workers: int
    max_requests: int
    demand: float
    service_s: float
    away_s: float
    delta: int = 0
    threads: int = 1
    lifetime_s: float = 0.0
    hang: float = 0.0
    balance: str = "random"  # who takes the next request of those that are free; or fifo, lifo
    reap_s: float = 0.0  # the master's loop: the dead are replaced at its ticks, `away_s` after which they are back


@dataclass(slots=True)
class Outcome:
    """What happened; `waits_s` has one entry a request that was begun."""

    recycles: int = 0
    peak_down: int = 0
    peak_waiting: int = 0
    hung: int = 0
    answered: int = 0
    outage_s: float | None = None  # when the last worker hung
    hangs_s: list[float] = field(default_factory=list)  # when each of them did
    down_s: float = 0.0  # worker-seconds away
    waits_s: list[float] = field(default_factory=list)

    def wait_s(self, share: float) -> float:
        """A quantile of the wait."""
        ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Pool:
    """The workers: how many threads of each are free, and how many requests each may still take."""

    def __init__(self, setting: Setting, generator: random.Random) -> None:
        self.setting, self.generator = setting, generator
        self.free: list[int] = [w for w in range(setting.workers) for _ in range(setting.threads)]
        self.served = [0] * setting.workers
        self.busy = [0] * setting.workers
        self.limit = [limit_of_worker(setting.max_requests, setting.delta, w + 1) for w in range(setting.workers)]
        self.born_s = [0.0] * setting.workers
        self.leaving = [False] * setting.workers

    def take(self) -> int:
        """A worker with a free thread."""
        if self.setting.balance == "random":
            index = self.generator.randrange(len(self.free))
            self.free[index], self.free[-1] = self.free[-1], self.free[index]
            worker = self.free.pop()
        else:
            worker = self.free.pop(0 if self.setting.balance == "fifo" else -1)
        self.busy[worker] += 1
        return worker

    def release(self, worker: int, now: float) -> bool:
        """A request is done; whether the worker leaves now: its limit is reached and no thread is busy."""
        self.served[worker] += 1
        self.busy[worker] -= 1
        old_enough = now - self.born_s[worker] >= self.setting.lifetime_s
        if not self.leaving[worker] and self.served[worker] >= self.limit[worker] and old_enough:
            self.leaving[worker] = True
            self.free = [w for w in self.free if w != worker]
        if not self.leaving[worker]:
            self.free.append(worker)
        return self.leaving[worker] and self.busy[worker] == 0

    def reborn(self, worker: int, now: float) -> None:
        """A new process in the slot."""
        self.served[worker], self.leaving[worker], self.born_s[worker] = 0, False, now
        self.free += [worker] * self.setting.threads


ARRIVAL, DONE, BACK = 0, 1, 2


def reaped_s(died_s: float, reap_s: float, phase_s: float) -> float:
    """The next tick of the master's loop; at once where it has none."""
    if reap_s <= 0:
        return died_s
    return phase_s + math.ceil((died_s - phase_s) / reap_s) * reap_s


def simulate(setting: Setting, seconds: float, seed: int = 1) -> Outcome:
    """Poisson arrivals, a constant service time, one queue; until `seconds`, or until every worker hangs."""
    generator = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    pool, outcome = _Pool(setting, generator), Outcome()
    waiting: list[float] = []
    phase_s = generator.random() * setting.reap_s
    head = down = 0
    events: list[tuple[float, int, int, int]] = [(generator.expovariate(setting.demand), 0, ARRIVAL, 0)]
    number = 0

    def push(when: float, kind: int, worker: int) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (when, number, kind, worker))

    while events:
        now, _, kind, worker = heapq.heappop(events)
        if now > seconds:
            break
        if kind == ARRIVAL:
            waiting.append(now)
            push(now + generator.expovariate(setting.demand), ARRIVAL, 0)
        elif kind == DONE:
            outcome.answered += 1
            if pool.release(worker, now):
                down += 1
                outcome.recycles += 1
                outcome.peak_down = max(outcome.peak_down, down)
                if generator.random() < setting.hang:
                    outcome.hung += 1
                    outcome.hangs_s.append(now)
                    outcome.down_s += seconds - now
                    if outcome.hung == setting.workers:
                        outcome.outage_s = now
                        break
                else:
                    back_s = reaped_s(now, setting.reap_s, phase_s) + setting.away_s
                    outcome.down_s += min(back_s, seconds) - now
                    push(back_s, BACK, worker)
        else:
            down -= 1
            pool.reborn(worker, now)
        while pool.free and head < len(waiting):
            outcome.waits_s.append(now - waiting[head])
            head += 1
            push(now + setting.service_s, DONE, pool.take())
        outcome.peak_waiting = max(outcome.peak_waiting, len(waiting) - head)
    return outcome
