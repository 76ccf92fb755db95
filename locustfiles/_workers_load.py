"""What is asked and answered, second by second: counted in every Locust process, added up in the one with the web UI."""

import os
import sys
import time
from collections import defaultdict

import _recorder
import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

MESSAGE = "pack-load"
REPORT_S = 0.5
# A second is shown when every process has had the time to flush (0.2 s), report (0.5 s) and be read.
LAG_NS = 1_200_000_000
SECOND_NS = 1_000_000_000

_in_flight = 0
_seconds = defaultdict(lambda: [0, 0])


def count_requests():
    """Make the clients of this process count what they have in flight."""
    sessions = [HttpSession, FastHttpSession]
    if fast := sys.modules.get("_fast_client"):
        sessions.append(fast.FastSession)
    for session in sessions:
        _count(session)
    _recorder.watch_rows(saw)


def _count(session):
    original = session.request

    def request(self, *args, **kwargs):
        global _in_flight
        _in_flight += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            _in_flight -= 1

    session.request = request


def saw(rows):
    """Count the recorder's rows into the seconds in which they ended: answered, and not."""
    for row in rows:
        _, start_ns, latency_us, _, error, _ = row.split("\t", 5)
        second = (int(start_ns) + int(latency_us) * 1000) // SECOND_NS
        _seconds[second][error != ""] += 1


def report_forever(runner):
    """Tell the process with the web UI, which may be this one, what is new."""
    while True:
        report(runner)
        gevent.sleep(REPORT_S)


def report(runner):
    """One message: the counts since the last."""
    new = [[second, *counts] for second, counts in _seconds.items()]
    _seconds.clear()
    runner.send_message(MESSAGE, {"pid": os.getpid(), "in_flight": _in_flight, "seconds": new})


class Load:
    """The sums over all processes since the begin of a run."""

    def __init__(self):
        self.seconds = defaultdict(lambda: [0, 0])
        self.in_flight = {}  # second: the most that was seen in it
        self._latest = {}
        self.heard = False

    def take(self, data, now_ns=None):
        """A message of `report`."""
        self.heard = True
        for second, answered, failed in data["seconds"]:
            counts = self.seconds[second]
            counts[0] += answered
            counts[1] += failed
        self._latest[data["pid"]] = data["in_flight"]
        second = (time.monotonic_ns() if now_ns is None else now_ns) // SECOND_NS
        self.in_flight[second] = max(self.in_flight.get(second, 0), sum(self._latest.values()))

    def rows(self, origin_ns, from_s, until_ns):
        """(begin_s, answered, failed, in flight) of each whole second of the clock, empty ones too, up to `until_ns`."""
        first = (origin_ns + int(max(0, from_s) * 1e9)) // SECOND_NS
        flying = 0
        found = []
        for second in range(first, until_ns // SECOND_NS):
            flying = self.in_flight.get(second, flying)
            begin_s = round((second * SECOND_NS - origin_ns) / 1e9, 3)
            found.append((begin_s, *self.seconds.get(second, (0, 0)), flying))
        return found

    def forget(self, before_second):
        """Drop what no picture shows any more; the rows themselves are in the results."""
        for table in (self.seconds, self.in_flight):
            for second in [s for s in table if s < before_second]:
                del table[second]
