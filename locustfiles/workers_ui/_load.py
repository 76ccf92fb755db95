"""Counts what is in flight, and second by second what is answered, in every Locust process, and reports it."""

import os
import sys
from collections import defaultdict

import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from recording import _recorder

from workers_ui._seconds import SECOND_NS

MESSAGE = "pack-load"
REPORT_S = 0.5

_in_flight = 0
_seconds = defaultdict(lambda: [0, 0])


def count_requests():
    """Make the clients of this process count what they have in flight."""
    sessions = [HttpSession, FastHttpSession]
    if fast := sys.modules.get("fast_client._user"):
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
