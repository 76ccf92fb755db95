"""Stops a uWSGI with a ladder of signals: ask the master, wait, ask again, and kill what is left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from stacks.run import supervisor

# (signal, seconds to wait for it). A healthy master ends within its 1 s loop. One with a hung worker needs 62 s
# (worker-reload-mercy), which only STOP=wait measures, and it takes no other signal meanwhile.
LADDER: tuple[tuple[str, float], ...] = (("INT", 2.0), ("TERM", 1.0))
HUNG_S = 1.5
HUNG_LADDER: tuple[tuple[str, float], ...] = (("INT", HUNG_S),)
PATIENT_LADDER: tuple[tuple[str, float], ...] = (("INT", 75.0),)


@dataclass(frozen=True, slots=True)
class Stop:
    """How a uWSGI was stopped."""

    signal: str  # the one that ended it; KILL: none of the ladder did; '': it had ended before
    seconds: float  # from the first signal until the last process had ended
    tried: tuple[tuple[str, float], ...]  # every signal of the ladder that was sent, with the seconds waited for it


def stop(
    pids: Callable[[], list[int]],
    master: int,
    ladder: tuple[tuple[str, float], ...],
    wait: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
    before_kill: Callable[[list[int]], None] = lambda _pids: None,
) -> Stop:
    """Send `master` the signals of `ladder` one after another, then kill every process that `pids` still lists.

    `wait` passes some seconds. A run gives the observer's step, which reads the log meanwhile. `before_kill` is called
    with the processes that the ladder has not ended; its time does not count.
    """
    began_s = clock()
    tried: list[tuple[str, float]] = []
    for name, grace_s in ladder:
        if not pids():
            break
        supervisor.kill(master, signal.Signals[f"SIG{name}"])
        sent_s = clock()
        while pids() and clock() - sent_s < grace_s:
            wait(supervisor.POLL_S)
        tried.append((name, round(clock() - sent_s, 3)))
    ended_by = tried[-1][0] if tried and not pids() else ("KILL" if pids() else "")
    asked_s = clock() - began_s
    if ended_by == "KILL":
        look_s = clock()
        before_kill(pids())
        began_s += clock() - look_s
    while (left := pids()) and clock() - began_s < asked_s + supervisor.KILL_LIMIT_S:
        for pid in left:
            supervisor.kill(pid)
        wait(supervisor.POLL_S)
    return Stop(ended_by, round(asked_s if ended_by != "KILL" else clock() - began_s, 3), tuple(tried))
