"""Adds up the counts of all Locust processes (`_load.py`), for each second of the monotonic clock. Pure."""

import time
from collections import defaultdict

SECOND_NS = 1_000_000_000
# A second is complete when every process has flushed its rows (0.2 s) and sent its report (0.5 s), and some time more.
LAG_NS = 1_200_000_000


class Load:
    """The counts of all processes since the start of a run."""

    def __init__(self):
        self.seconds = defaultdict(lambda: [0, 0])  # [answered, failed]
        self.in_flight = {}  # the highest number that was seen in a second
        self._latest = {}  # requests in flight by pid

    def take(self, data, now_ns=None):
        """Add a message of `_load.report`."""
        for second, answered, failed in data["seconds"]:
            counts = self.seconds[second]
            counts[0] += answered
            counts[1] += failed
        self._latest[data["pid"]] = data["in_flight"]
        second = (time.monotonic_ns() if now_ns is None else now_ns) // SECOND_NS
        self.in_flight[second] = max(self.in_flight.get(second, 0), sum(self._latest.values()))

    def rows(self, origin_ns, from_s, until_ns):
        """Return (begin_s, answered, failed, in flight) of each whole second of the clock from `from_s` to `until_ns`.

        `begin_s` and `from_s` are seconds since `origin_ns`.
        """
        first = (origin_ns + int(max(0, from_s) * 1e9)) // SECOND_NS
        in_flight = 0
        rows = []
        for second in range(first, until_ns // SECOND_NS):
            in_flight = self.in_flight.get(second, in_flight)
            begin_s = round((second * SECOND_NS - origin_ns) / 1e9, 3)
            rows.append((begin_s, *self.seconds.get(second, (0, 0)), in_flight))
        return rows

    def forget(self, before_second):
        """Remove the seconds that no picture shows any more. The requests themselves are in the results."""
        for table in (self.seconds, self.in_flight):
            for second in [s for s in table if s < before_second]:
                del table[second]
