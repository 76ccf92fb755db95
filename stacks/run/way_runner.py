"""Takes the ways of a check one after another on one instance: asks, waits for what must come of it, and goes on.

A way begins with the row `asked` of its trigger, which names it, and ends with the row `way_ended`. A way that does not
end within its limit is the last one: what the instance would do after that tells nothing about the next way. The time
in which a process of the instance was ready to run and got no CPU is added to the limit.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.catalogue.triggers import parse
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.way_steps import END, FEWER, MORE, ONE
from stacks.run.reporter import Reporter
from stacks.run.trigger_runner import TriggerRunner

# So long the workers must stay as they are before the next way begins: a request that hangs its worker is proven within
# a second (stillness.DEADLOCK_S), and the answers of this time are what the next way is compared with.
HOLD_S = 1.0


@dataclass
class _Step:
    """A way that was asked for, and what it began with."""

    name: str
    wants: str
    asked_s: float
    pids: frozenset[int]  # the workers that served when it was asked for
    starved_s: dict[int, float]  # how long each process had waited for a CPU until then
    done_ns: int = 0  # since when everything that it wants holds; 0 while it does not


class WayRunner:
    """Takes the planned ways. It has the interface of `TriggerRunner`: `left` ways, and `step`."""

    def __init__(
        self,
        ways: Sequence[dict[str, Any]],
        directory: Path,
        master: Callable[[], int],
        lifecycle: Lifecycle,
        emit: Callable[..., None],
        reporter: Reporter,
        clock: Callable[[], float] = time.monotonic,
        kill: Callable[[int, int], None] = os.kill,
    ) -> None:
        """`ways` are those of the plan, `directory` is the run's private one, `master` returns the newest master."""
        self._waiting = deque(ways)
        self._directory, self._master, self._lifecycle = directory, master, lifecycle
        self._emit, self._reporter, self._clock, self._kill = emit, reporter, clock, kill
        self._trigger: TriggerRunner | None = None
        self._limit_s = 0.0
        self._step: _Step | None = None

    @property
    def left(self) -> int:
        """How many ways have not ended."""
        return len(self._waiting)

    def step(self) -> None:
        """Ask for the next way if it is time, or look how far the one under way is."""
        if self._step is None:
            self._ask()
        elif self._is_done(self._step):
            self._end(has_ended=True)
        elif self._clock() - self._step.asked_s > self._limit_s + self._starved_s(self._step):
            self._end(has_ended=False)
            self._waiting.clear()

    def _ask(self) -> None:
        way = self._waiting[0]
        if self._trigger is None:
            self._reporter.way = way["way"]
            self._reporter.step += 1
            self._limit_s = way["limit_s"]
            self._trigger = TriggerRunner(
                parse(way["trigger"]),
                self._directory,
                self._master(),
                self._lifecycle,
                lambda kind, **data: self._begin(kind, data, way),
                self._clock,
                self._kill,
            )
        self._trigger.step()

    def _begin(self, kind: str, data: dict[str, Any], way: dict[str, Any]) -> None:
        wants = way["wants"]
        pids = {data["asked_pid"]} if wants == ONE else set(self._lifecycle.ready())
        self._step = _Step(way["way"], wants, self._clock(), frozenset(pids), self._starved())
        self._emit(kind, **data, way=way["way"], wants=wants, pids=sorted(pids))

    def _starved(self) -> dict[int, float]:
        """Return for how many seconds the master and each worker have waited for a CPU, as far as is known."""
        pids = [self._master(), *(newest.pid for newest in self._lifecycle.current().values())]
        return {pid: self._lifecycle.hangs.starved_s(pid) for pid in pids}

    def _starved_s(self, step: _Step) -> float:
        """Return how long the way was held up because a process of it waited for a CPU: the longest such time."""
        return max(seconds - step.starved_s.get(pid, 0.0) for pid, seconds in self._starved().items())

    def _is_done(self, step: _Step) -> bool:
        """Return True if all that the way wants has held for HOLD_S."""
        if not self._holds(step):
            step.done_ns = 0
            return False
        step.done_ns = step.done_ns or self._lifecycle.now_ns
        return self._lifecycle.now_ns - step.done_ns >= HOLD_S * 1e9

    def _holds(self, step: _Step) -> bool:
        lifecycle = self._lifecycle
        if step.wants == END:
            return False  # the end of the instance ends the load, and with it the turns of this runner
        ready = len(lifecycle.ready())
        if step.wants in (FEWER, MORE):
            is_done = ready < len(step.pids) if step.wants == FEWER else ready > len(step.pids)
        else:
            is_done = not step.pids & {newest.pid for newest in lifecycle.current().values()}
        return is_done and lifecycle.undecided() == 0 and ready > 0 and not lifecycle.deadlocks()

    def _end(self, *, has_ended: bool) -> None:
        assert self._step is not None  # noqa: S101 - the caller has checked it
        done_ns = self._step.done_ns if has_ended else 0
        self._emit("way_ended", way=self._step.name, ended=has_ended, done_ns=done_ns)
        self._step = self._trigger = None
        self._waiting.popleft()
