"""The table of the rows that tell about workers, masters and hangs: kind of row -> the method that takes it."""

from __future__ import annotations

from collections.abc import Callable

from stacks.lifecycle.hangs import Hangs
from stacks.lifecycle.masters import Masters
from stacks.lifecycle.records import Event
from stacks.lifecycle.workers import Workers


def row_handlers(workers: Workers, masters: Masters, hangs: Hangs) -> dict[str, Callable[[Event], None]]:
    """Return for each kind of row the method of the three states that takes it."""
    return {
        "state": hangs.add_state,
        "backtrace": hangs.add_backtrace,
        "attached": workers.attach,
        "free_threaded": hangs.mark_free_threaded,
        "spawned": workers.add,
        "respawned": workers.add,
        "forked": workers.mark_forked,
        "ready": workers.mark_ready,
        "told": workers.tell_to_leave,
        "lifetime": workers.end_lifetime,
        "exit_begun": workers.mark_exit_begun,
        "exited": workers.mark_exited,
        "died": workers.mark_died,
        "no_mercy": workers.mark_killed,
        "harakiri": workers.mark_harakiri,
        "cheaped": workers.retire,
        "idle": workers.retire_all,
        "master": masters.add,
        "asked": masters.add_trigger,
        "stopping": masters.begin_stop,
        "ended": masters.end,
        "master_exited": masters.end_one,
    }
