"""Offsets between the monotonic clocks of two hosts, from round trips, and how wrong each can be.

A host reads its clock, asks the other one for its clock, and reads its own again. The other clock was read somewhere
between: half of the round trip is the bound of the offset, whatever the network does. The shortest round trip of each
PERIOD_S is kept, so that clocks that drift apart, or jump, during a run are found.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PERIOD_S = 10.0
UNKNOWN_NS = -1  # the bound of an offset that was not measured
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")


@dataclass(frozen=True, slots=True)
class Offset:
    """What to add to a time of one clock so that it is one of another: `ns`, and at most `bound_ns` more or less.

    `agrees` is False if two measurements exclude each other: a clock has drifted or jumped between them. Then the bound
    covers both.
    """

    ns: int
    bound_ns: int
    agrees: bool = True

    @property
    def is_measured(self) -> bool:
        return self.bound_ns != UNKNOWN_NS

    def then(self, other: Offset) -> Offset:
        """Return the offset of this step and the next one. Bounds add up."""
        if not (self.is_measured and other.is_measured):
            return Offset(self.ns + other.ns, UNKNOWN_NS, False)
        return Offset(self.ns + other.ns, self.bound_ns + other.bound_ns, self.agrees and other.agrees)

    def back(self) -> Offset:
        """Return the offset in the other direction."""
        return Offset(-self.ns, self.bound_ns, self.agrees)


SAME = Offset(0, 0)
NOT_MEASURED = Offset(0, UNKNOWN_NS, False)


def combined(offsets: Iterable[Offset]) -> Offset:
    """Return one offset for measurements of different periods: the shortest, or what covers all if they disagree."""
    measured = [offset for offset in offsets if offset.is_measured]
    if not measured:
        return NOT_MEASURED
    latest_begin = max(offset.ns - offset.bound_ns for offset in measured)
    earliest_end = min(offset.ns + offset.bound_ns for offset in measured)
    if latest_begin <= earliest_end:
        return min(measured, key=lambda offset: offset.bound_ns)
    begin = min(offset.ns - offset.bound_ns for offset in measured)
    end = max(offset.ns + offset.bound_ns for offset in measured)
    return Offset((begin + end) // 2, (end - begin + 1) // 2, agrees=False)


class RoundTrips:
    """The round trips of one pair of hosts."""

    def __init__(self) -> None:
        self.count = 0
        self._shortest: dict[int, Offset] = {}  # of each period

    def add(self, sent_ns: int, theirs_ns: int, received_ns: int) -> None:
        """Take one round trip. `theirs_ns` is the other clock between the two readings of our own."""
        if received_ns < sent_ns:
            return
        self.count += 1
        bound_ns = (received_ns - sent_ns + 1) // 2
        offset = Offset(theirs_ns - (sent_ns + received_ns) // 2, bound_ns)
        period = sent_ns // round(PERIOD_S * 1e9)
        known = self._shortest.get(period)
        if known is None or bound_ns < known.bound_ns:
            self._shortest[period] = offset

    def offset(self) -> Offset:
        """Return what to add to our times to get theirs; NOT_MEASURED before the first round trip."""
        return combined(self._shortest.values())


def clock_id() -> str:
    """Name the CLOCK_MONOTONIC of this process: two processes with one name read one clock.

    It is that of a boot of a kernel, unless the process has a time namespace of its own (time_namespaces(7)).
    """
    try:
        boot, namespace = BOOT_ID.read_text(encoding="ascii").strip(), str(TIME_NAMESPACE.readlink())
    except OSError:  # not a Linux of today: no two processes are known to have one clock
        return f"{platform.node()}/{os.getpid()}"
    return f"{boot}/{namespace}"
