"""Decides when the load of a run begins and ends: the protocol, and the fixed window of a plan.

`ExternalLoad` is the other kind of window: a person at the web UI begins and ends it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from stacks.observe.collectors import is_readable
from stacks.run.answer_count import Counts
from stacks.run.errors import Interrupted
from stacks.run.live_run import LiveRun
from stacks.run.page_probe import PageProbe

# While respawns come, more will come: the master makes about one per worker and second. After this time without a
# respawn the window ends, if the plan has no `quiet_s`.
QUIET_S = 3.0
# With a slow app, or on a busy machine, it takes longer until a worker has answered max-requests requests. The window
# waits so long for that, if the answers come quickly enough. It also waits so long for the first request to end: until
# then it is the load that is late, or every request is open.
SLOW_QUIET_S = 30.0


class LoadWindow(Protocol):
    """Decides when the load begins and when it is over."""

    @property
    def limit_s(self) -> float:
        """The longest time that the load may last."""

    def may_begin(self) -> bool:
        """Return True if `begin` would return or raise at once."""

    def begin(self) -> Iterable[int]:
        """Begin. Returns further pids that send the load. Raises Interrupted if the load may not begin."""

    def is_over(self, live: LiveRun, *, has_triggers_left: bool) -> bool:
        """Return True if the load has lasted long enough. Triggers of the stack may be left to step."""

    def window_s(self, begin_ns: int, end_ns: int) -> float:
        """Return the seconds in which answered requests count, for a load from `begin_ns` to `end_ns`."""


class PlannedWindow:
    """The fixed window of the plan. It is extended while respawns are missing and workers are on their way.

    It ends early if recycles are so slow that the missing respawns would not come within the limit. If the plan has
    `ends_at_hang`, it ends as soon as one worker is proven not to come back.

    The load begins when the campaign writes a line to `turn_fd`: no other run needs the machine then. `count_requests`
    returns how many requests have ended so far.
    """

    def __init__(self, plan: dict[str, Any], turn_fd: int, count_requests: Callable[[], Counts]) -> None:
        self._duration_s: float = plan["duration_s"]
        self.limit_s: float = plan["limit_s"]
        self._quiet_s: float = plan.get("quiet_s", QUIET_S)
        self._ends_at_hang: bool = plan.get("ends_at_hang", False)
        # After so many answers at least one worker has given max-requests of them.
        self._answers_due: int = plan.get("workers", 0) * plan.get("max_requests", 0)
        self._turn_fd = turn_fd
        self._count_requests = count_requests
        self._respawns, self._counts = 0, Counts(0, 0)
        self._newest_respawn_s = 0.0

    def may_begin(self) -> bool:
        return is_readable(self._turn_fd)

    def begin(self) -> Iterable[int]:
        if not (self.may_begin() and os.read(self._turn_fd, 64)):
            raise Interrupted  # the campaign has ended
        return ()

    def is_over(self, live: LiveRun, *, has_triggers_left: bool) -> bool:
        lifecycle = live.observer.lifecycle
        now_s, begin_s = time.monotonic(), (lifecycle.load_begin_ns or 0) / 1e9
        if live.is_certain() or live.load.exit_code is not None:
            return True
        if self._ends_at_hang and live.judgement is not None and live.judgement.verdict is not None:
            live.load.send("kill")  # a request to a worker that hangs would end with its timeout only
            return True
        if has_triggers_left or now_s - begin_s < self._duration_s:
            return False
        respawns = lifecycle.respawns()
        if respawns != self._respawns:
            self._respawns, self._newest_respawn_s, self._counts = respawns, now_s, self._count_requests()
        quiet_s = now_s - max(begin_s, self._newest_respawn_s)
        if respawns >= live.wanted_respawns:
            return True
        if lifecycle.undecided() == 0 and quiet_s >= self._quiet_s and not self._is_on_its_way(quiet_s):
            return True
        return lifecycle.slow_recycle(live.wanted_respawns) is not None

    def _is_on_its_way(self, quiet_s: float) -> bool:
        """Return True if the next worker reaches max-requests soon. The newest respawn was `quiet_s` ago."""
        if not self._answers_due:
            return False
        counts = self._count_requests()
        if counts.ended == self._counts.ended:
            return quiet_s < SLOW_QUIET_S
        answers = counts.answered - self._counts.answered
        return 0 < answers < self._answers_due and quiet_s * self._answers_due / answers < SLOW_QUIET_S

    def window_s(self, begin_ns: int, end_ns: int) -> float:
        return self._duration_s


class ProbedWindow:
    """The window of a page that is probed: it ends early if the probe finds that the page cannot be hammered."""

    def __init__(self, window: LoadWindow, probe: PageProbe) -> None:
        self._window = window
        self._probe = probe

    @property
    def limit_s(self) -> float:
        return self._window.limit_s

    def may_begin(self) -> bool:
        return self._window.may_begin()

    def begin(self) -> Iterable[int]:
        return self._window.begin()

    def is_over(self, live: LiveRun, *, has_triggers_left: bool) -> bool:
        if self._probe.is_refused():
            live.load.send("kill")  # what its users would still get tells nothing
            return True
        return self._window.is_over(live, has_triggers_left=has_triggers_left)

    def window_s(self, begin_ns: int, end_ns: int) -> float:
        return self._window.window_s(begin_ns, end_ns)
