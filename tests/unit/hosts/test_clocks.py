"""Offsets of clocks: the shortest round trip counts, the true offset lies within the bound, and jumps are found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stacks.hosts.clocks import NOT_MEASURED, PERIOD_S, SAME, UNKNOWN_NS, Offset, RoundTrips, clock_id

NS = 10**9
delays = st.integers(0, 3 * NS)


def trip(trips: RoundTrips, at_ns: int, there_ns: int, back_ns: int, offset_ns: int) -> None:
    """Send at `at_ns`; the other clock is `offset_ns` ahead of ours."""
    trips.add(at_ns, at_ns + there_ns + offset_ns, at_ns + there_ns + back_ns)


@given(st.integers(-(10**15), 10**15), st.lists(st.tuples(st.integers(0, 10**12), delays, delays), min_size=1))
def test_the_true_offset_lies_within_the_bound_whatever_the_network_does(
    offset_ns: int, trips_made: list[tuple[int, int, int]]
) -> None:
    trips = RoundTrips()
    for at_ns, there_ns, back_ns in trips_made:
        trip(trips, at_ns, there_ns, back_ns, offset_ns)
    found = trips.offset()
    assert abs(found.ns - offset_ns) <= found.bound_ns
    assert found.agrees
    assert found.bound_ns <= min(there + back + 1 for _, there, back in trips_made) // 2 + 1


def test_a_clock_that_jumps_between_two_periods_is_found_and_the_bound_covers_both() -> None:
    trips = RoundTrips()
    trip(trips, 0, 10, 10, offset_ns=0)
    trip(trips, round(PERIOD_S * NS) + 1, 10, 10, offset_ns=5 * NS)
    found = trips.offset()
    assert not found.agrees
    assert found.ns - found.bound_ns <= 0
    assert found.ns + found.bound_ns >= 5 * NS


def test_a_round_trip_that_ends_before_it_began_says_nothing() -> None:
    trips = RoundTrips()
    trips.add(10, 5, 9)
    assert trips.offset() == NOT_MEASURED


def test_offsets_of_two_steps_add_up_with_their_bounds() -> None:
    there, back = Offset(100, 3), Offset(40, 2).back()
    assert there.then(back) == Offset(60, 5)
    assert there.then(NOT_MEASURED).bound_ns == UNKNOWN_NS
    assert there.then(SAME) == there


def test_a_clock_has_one_name_within_a_machine() -> None:
    assert clock_id() == clock_id()
    assert "/" in clock_id()
