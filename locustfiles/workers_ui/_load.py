"""Counts the requests of one Locust process: those in flight, and those that ended in each second. Sends the counts.

The process with the web UI adds up the counts of all processes (`_seconds.py`).
"""

import os
import sys
from collections import defaultdict

import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from recording import _part_file

from workers_ui._seconds import SECOND_NS

MESSAGE = "pack-load"
REPORT_S = 0.5

_in_flight = 0
_seconds = defaultdict(lambda: [0, 0])  # [answered, failed] by second of the monotonic clock


def count_requests():
    """Count the requests of every client in this process from now on."""
    sessions = [HttpSession, FastHttpSession]
    if client := sys.modules.get("fast_client._user"):
        sessions.append(client.FastSession)
    for session in sessions:
        _count_in_flight(session)
    _part_file.watch(count_rows)


def _count_in_flight(session):
    original = session.request

    def request(self, *args, **kwargs):
        global _in_flight
        _in_flight += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            _in_flight -= 1

    session.request = request


def count_rows(rows):
    """Count rows of the recorder in the seconds in which the requests ended."""
    for row in rows:
        _, start_ns, latency_us, _, error, _ = row.split("\t", 5)
        second = (int(start_ns) + int(latency_us) * 1000) // SECOND_NS
        _seconds[second][error != ""] += 1


def report_forever(runner):
    """Send a report every REPORT_S seconds."""
    while True:
        report(runner)
        gevent.sleep(REPORT_S)


def report(runner):
    """Send the counts since the last report to the process with the web UI, which may be this process."""
    new = [[second, *counts] for second, counts in _seconds.items()]
    _seconds.clear()
    runner.send_message(MESSAGE, {"pid": os.getpid(), "in_flight": _in_flight, "seconds": new})
