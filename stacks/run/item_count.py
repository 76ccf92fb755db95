"""Counts the items that the app of a run sends, one in each request, and those that arrive at the run's sink.

A library may send its items from a thread. A worker that has no such thread sends nothing, and no call fails. The
items of a worker that leaves may also be lost at its exit, so the count tells both kinds of worker apart.
"""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import REQUESTS_FILE
from stacks.lifecycle.verdict import Judgement
from stacks.run.live_run import LiveRun
from stacks.run.sink_process import SinkProcess

VARIABLE = "PACK_SINK"  # of the environment: the app finds the sink by it
ITEMS = "items"  # the value of the plan's `sink` with which a run counts items
# After the load, for what a library sends in batches: the apps make it send twice a second where it lets them.
GRACE_S = 2.0
# The load ends at any moment, and the workers that serve then may not have answered a request. Two for each of the 8
# workers, below their max-requests.
REQUESTS_AFTER = 16
REQUESTS_LIMIT_S = 10.0  # for all of them
REQUEST_LIMIT_S = 4.0


class RequestsAfter(threading.Thread):
    """Sends REQUESTS_AFTER requests one after another, in a thread of its own, because the observer must not wait."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.answered: Counter[str] = Counter()  # by the pid of the worker

    def run(self) -> None:
        for _ in range(REQUESTS_AFTER):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_LIMIT_S)
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                continue
            finally:
                connection.close()
            _, _, pid = response.headers.get("X-Worker", "").partition("/")
            if pid and response.status < 400:
                self.answered[pid] += 1


class ItemCount:
    """The sink of a run, and the count of its items."""

    def __init__(self, purpose: str) -> None:
        """Start the sink. `purpose` is the plan's `sink`. Raises CannotMeasure."""
        self._counts = purpose == ITEMS
        self._sink = SinkProcess.start()
        self._arrived: dict[str, int] | None = None
        self._lived_on: set[str] = set()
        self._after: Counter[str] = Counter()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that uWSGI must have."""
        return {VARIABLE: self._sink.url}

    def await_items(self, live: LiveRun, port: int, judgement: Judgement) -> None:
        """Send some more requests after the verdict, and wait GRACE_S for the items. A hung stack gets neither."""
        if not self._counts or (judgement.verdict or "").startswith("hung"):
            return
        requests = RequestsAfter(port)
        requests.start()
        live.until("stopping", lambda: not requests.is_alive(), REQUESTS_LIMIT_S)
        live.until("stopping", lambda: False, GRACE_S)
        self._after = requests.answered.copy()
        self._lived_on = {str(pid) for pid in live.observer.lifecycle.ready()}

    def end(self) -> None:
        """End the sink, after the stack: a worker may send its last items at its exit."""
        self._arrived = self._sink.end()

    def close(self) -> None:
        """Kill the sink."""
        self._sink.close()

    def record(self, directory: Path) -> dict[str, Any] | None:
        """Return what run.json says of the items, or None if they were not counted.

        `directory` is that of the run, with its requests.parquet.
        """
        if not self._counts or self._arrived is None:
            return None
        return delivery(answered_by_worker(directory) + self._after, self._arrived, self._lived_on)


def answered_by_worker(directory: Path) -> Counter[str]:
    """Return how many requests of requests.parquet each worker answered, by its pid."""
    from stacks.run.parquet import read_requests  # here: its import takes half a second, which would delay the start

    rows = read_requests(directory / REQUESTS_FILE, ["pid", "status", "error"])
    return Counter(str(pid) for pid, status, error in zip(*rows.values(), strict=True) if not error and status < 400)


def delivery(sent: Counter[str], arrived: dict[str, int], lived_on: set[str]) -> dict[str, Any]:
    """Return the items that were sent and that arrived: of all workers, of those that lived on, and of each worker."""
    by_worker = {
        pid: {"sent": sent.get(pid, 0), "arrived": arrived.get(pid, 0)} for pid in sorted({*sent, *arrived}, key=int)
    }
    living = [row for pid, row in by_worker.items() if pid in lived_on]
    return {**_sums(list(by_worker.values())), "lived_on": _sums(living), "by_worker": by_worker}


def _sums(rows: list[dict[str, int]]) -> dict[str, int]:
    return {key: sum(row[key] for row in rows) for key in ("sent", "arrived")}
