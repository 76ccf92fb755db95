"""The numbers of the runs that take ways, as run.json has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from stacks.check.check_runs import FEWEST_RESPAWNS, GRACE_S, UNTOLD_GRACE_S, USERS
from stacks.check.ways.copies import IDLE_WORKERS
from stacks.check.ways.derivation import IDLE
from stacks.check.ways.way import ONE_BY_ONE, RELOAD, STOP, Way
from stacks.lifecycle.rates import respawns_to_rule_out

DEEP_RATE = 0.05  # DEEP=1 rules out this hang rate
# A healthy reload takes 1 to 3 s and the start of the app: the master turns once a second, and looks at a touched file
# in one turn and acts in the next. So a way that takes this long has something to tell.
LIMIT_S = 12.0
STARTS = 3.0  # an app that starts slowly gets so many starts in addition; a chain reload so many for each worker
# Before a way: the answers of this time are the usual ones. Before a later way the runner holds for a second.
FIRST_PAUSE_S, NEXT_PAUSE_S = 1, 0
SETTLE_S = 2.0
LIMIT_WINDOW_S, LIMIT_LIMIT_S = 3.0, 20.0
MOST_LIMIT_RESPAWNS = 8
# The load goes on for so long without a respawn. A healthy worker reaches its limit in 2 to 3 s and leaves in a later
# turn of the master. On a busy machine these turns, and the requests, come late.
LIMIT_QUIET_S, IDLE_QUIET_S = 10.0, 15.0
# A request to the slow page comes every 3 s (locustfiles/check.py), and harakiri ends it 2 s later: two in this window.
HARAKIRI_RESPAWNS, HARAKIRI_WINDOW_S = 2, 6.0
# After 2 s without a request (idle = 1) the master ends its workers, in a second each (uwsgi_master_check_idle,
# core/master_checks.c). The copy has copies.IDLE_WORKERS at most, so a round takes 6 s; the window has one at least.
IDLE_PAUSE_S, IDLE_WINDOW_S = "5", 12.0
# For DEEP=1, how long a way takes: once in TAKING_S, where a trigger takes it (1 to 2 s, and the second of the runner's
# hold), and where a limit takes it, all workers once in ROUND_S. Harakiri takes one worker at a time.
TAKING_S, ROUND_S = 3.0, 3.0
START_STOP_S, LIMIT_RUN_S, LIMIT_RUNS_S = 1.0, 8.0, {IDLE: 15.0, "harakiri": 12.0}  # of whole runs
ROUNDS_S = {"max-worker-lifetime": 4.0, "harakiri": 4.0, IDLE: 8.0}  # so slow that the load may not end in a pause


def times(way: Way, workers: int, *, deep: bool) -> int:
    """Return how often to take `way`: once, or as often as rules out DEEP_RATE for each worker that it replaces."""
    if not deep or way.kind == STOP:
        return 1
    trials = workers if way.kind == RELOAD else 1
    return math.ceil(respawns_to_rule_out(DEEP_RATE) / trials)


def asked_plan(
    ways: Sequence[Way], workers: int, url: str, start_s: float, start_limit_s: float, log: str
) -> dict[str, Any]:
    """Return the plan of a run that takes `ways` one after another. The app needs `start_s` to start."""
    steps: list[dict[str, Any]] = [
        {
            "way": way.name,
            "trigger": f"{trigger}, after {NEXT_PAUSE_S if number else FIRST_PAUSE_S} s",
            "wants": wants,
            "limit_s": limit_s(way, workers, start_s),
        }
        for number, (way, trigger, wants) in enumerate((way, *step) for way in ways for step in way.steps)
    ]
    return _common(workers, url, start_limit_s, log) | {
        "ways": steps,
        "duration_s": 0.0,
        "respawns": 1,
        "limit_s": 10.0 + sum(step["limit_s"] + 3.0 for step in steps),
        "settle_s": SETTLE_S,
        "grace_s": UNTOLD_GRACE_S,
        "hung_grace_s": UNTOLD_GRACE_S,
    }


def limit_s(way: Way, workers: int, start_s: float) -> float:
    """Return how long `way` may take until it counts as one that does not end."""
    if way.kind == STOP:
        return GRACE_S
    starts = STARTS + (workers if way.risk == ONE_BY_ONE else 0)
    return round(LIMIT_S + starts * start_s, 1)


def limited_plan(
    way: Way, workers: int, url: str, start_s: float, start_limit_s: float, log: str, *, deep: bool
) -> dict[str, Any]:
    """Return the plan of a run in which the load takes a way: the workers reach a limit again and again."""
    wanted = min(max(2 * workers, FEWEST_RESPAWNS // 2), MOST_LIMIT_RESPAWNS)
    window_s, deep_s = LIMIT_WINDOW_S, 0.0
    if way.name == "harakiri":
        wanted, window_s = HARAKIRI_RESPAWNS, HARAKIRI_WINDOW_S
    if way.name == IDLE:
        wanted, window_s = workers, IDLE_WINDOW_S
    if deep:
        wanted, deep_s = respawns_to_rule_out(DEEP_RATE), deep_way_s(way, workers, start_s)
        window_s = deep_s if way.name in ROUNDS_S else window_s
    return _common(workers, url, start_limit_s, log) | {
        "duration_s": window_s,
        "respawns": wanted,
        "quiet_s": IDLE_QUIET_S if way.name == IDLE else LIMIT_QUIET_S,
        "limit_s": LIMIT_LIMIT_S + STARTS * start_s + 1.5 * deep_s,
        "grace_s": UNTOLD_GRACE_S,
        "hung_grace_s": UNTOLD_GRACE_S,
    }


def usual_s(ways: Sequence[Way]) -> float:
    """Return about how long a run takes, start and stop included, for an app that starts in a second."""
    if ways[0].is_asked:
        return START_STOP_S + sum(len(way.steps) for way in ways) * TAKING_S
    return LIMIT_RUNS_S.get(ways[0].name, LIMIT_RUN_S)


def deep_s(ways: Iterable[Way], workers: int, start_s: float, at_once: int) -> float:
    """Return about how long DEEP=1 takes for `ways`, of which `at_once` are taken side by side."""
    seconds = [deep_way_s(way, workers, start_s) for way in ways if not way.why_not]
    return max(*seconds, sum(seconds) / at_once) if seconds else 0.0


def deep_way_s(way: Way, workers: int, start_s: float) -> float:
    """Return about how long DEEP=1 takes for `way`. The app needs `start_s` to start."""
    if way.is_asked:
        return times(way, workers, deep=True) * len(way.steps) * (TAKING_S + start_s)
    at_once = {"harakiri": 1, IDLE: min(workers, IDLE_WORKERS)}.get(way.name, workers)
    return respawns_to_rule_out(DEEP_RATE) * ROUNDS_S.get(way.name, ROUND_S) / at_once


def _common(workers: int, url: str, start_limit_s: float, log: str) -> dict[str, Any]:
    return {
        "users": USERS,
        "max_requests": 0,
        "workers": workers,
        "start_limit_s": start_limit_s,
        "probe": url,
        "log": log,
    }
