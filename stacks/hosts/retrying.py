"""Repeats what the results location, or the coordinator, may refuse for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from stacks.lifecycle.records import RecordError

PAUSE_S = 0.5


def keep_trying(
    action: Callable[[], object],
    limit_s: float,
    after_failure: Callable[[Exception], object] = lambda _error: None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Carry out `action` until it raises no RecordError and no OSError, at least once and for `limit_s` at most.

    Each failure goes to `after_failure`. Returns True if the action was carried out.
    """
    end_s = clock() + limit_s
    while True:
        try:
            action()
            return True
        except (RecordError, OSError) as error:
            after_failure(error)
        if clock() > end_s:
            return False
        sleep(PAUSE_S)
