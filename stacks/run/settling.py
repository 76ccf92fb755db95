"""After the load: wait until nothing that the load began is still open, then give the verdict."""

from __future__ import annotations

import time
from pathlib import Path

from stacks.lifecycle.losses import losses
from stacks.lifecycle.verdict import Judgement, judge
from stacks.observe import native_stacks
from stacks.run.live_run import LiveRun

# The verdict waits so long for a backtrace, or a look at threads, that is being taken. On a busy machine gdb takes 6 s.
EVIDENCE_LIMIT_S = native_stacks.LIMIT_S


def settle(live: LiveRun, directory: Path, limit_s: float) -> Judgement:
    """Wait until every episode is decided and Locust's users have finished, `limit_s` at most. Returns the verdict."""
    observer, load, lifecycle = live.observer, live.load, live.observer.lifecycle
    load_end_ns = time.monotonic_ns()
    load.send("stop")

    def is_settled() -> bool:
        if live.is_certain():
            load.send("kill")
            return load.exit_code is not None
        return lifecycle.undecided(load_end_ns) == 0 and load.exit_code is not None

    live.until("settling", is_settled, limit_s)
    live.await_evidence(EVIDENCE_LIMIT_S)
    observer.emit("losses", **(losses(directory) or {"requests": 0}))
    return judge(lifecycle, live.wanted_respawns, finished=True)
