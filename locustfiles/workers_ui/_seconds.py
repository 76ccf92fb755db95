"""The sums of what all Locust processes report (`_load.py`), second by second of the monotonic clock; pure."""

import time
from collections import defaultdict

SECOND_NS = 1_000_000_000
# A second is shown when every process has had the time to flush (0.2 s), report (0.5 s) and be read.
LAG_NS = 1_200_000_000


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
        """(begin_s, answered, failed, in flight) of each whole second of the clock up to `until_ns`."""
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
