"""Lists the workers that became ready and ended by themselves before they had answered a request, and says how.

A worker that reaches max-requests says goodbye, and one that is replaced was told to leave. A worker that did neither
ended in what it did: the app, or a library, ended the process. If it had not answered a request either, it did not
come back, although it was ready.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stacks.lifecycle.counted import counted
from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.workers import Workers


def silent_deaths(workers: Workers, losses: Mapping[str, Any]) -> list[Incarnation]:
    """Return these workers, the oldest first. `losses` is the data of the row of that name.

    The list is empty while that row has not come, if an answer does not say which worker gave it, and for a uWSGI that
    somebody else has started.
    """
    if "answered_pids" not in losses or losses.get("unnamed") or workers.is_attached:
        return []
    answered = set(losses["answered_pids"])
    ended = [i for i in workers.every() if i.ended_by_itself and i.pid not in answered]
    return sorted(ended, key=lambda incarnation: incarnation.exited_ns or 0)


def describe_crash_loop(crashes: int, deaths: list[Incarnation]) -> str:
    """Return the reason of a crash loop: `crashes` workers died before they were ready, and `deaths` after that."""
    texts = []
    if crashes:
        texts.append(counted(crashes, "worker died before it was ready", "workers died before they were ready"))
    if deaths:
        texts.append(describe_silent_deaths(deaths))
    return ", and ".join(texts)


def describe_silent_deaths(deaths: list[Incarnation]) -> str:
    """Say how many workers ended, in which way, and what the newest of them wrote last."""
    one = "worker ended after it was ready, before it had answered a request"
    text = counted(len(deaths), one, "workers ended after they were ready, before they had answered a request")
    ways = [way for way, _ in Counter(incarnation.way_of_end for incarnation in deaths).most_common() if way]
    lines = [incarnation.last_line for incarnation in deaths if incarnation.last_line]
    text += f" ({' or '.join(ways)})" if ways else ""
    return text + (f"; the last line that such a worker wrote: {lines[-1]}" if lines else "")
