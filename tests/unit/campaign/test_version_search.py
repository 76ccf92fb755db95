"""The binary search: it needs few steps and finds the right neighbours, whatever cannot be judged."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stacks.campaign.version_search import BAD, GOOD, UNKNOWN, Search


def run_search(truth: list[str]) -> tuple[Search, tuple[int, int] | None]:
    """Search a row whose judgements are `truth`."""
    search = Search(len(truth), truth.__getitem__)
    return search, search.run()


@given(st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_one_change_is_found_in_logarithmic_steps(before: int, after: int, rising: bool) -> None:
    old, new = (GOOD, BAD) if rising else (BAD, GOOD)
    truth = [old] * before + [new] * after
    search, change = run_search(truth)
    assert change == ((before - 1, before) if before and after else None)
    if truth:
        assert len(search.judged) <= 2 + math.ceil(math.log2(len(truth) + 1))


@given(st.lists(st.sampled_from([GOOD, BAD, UNKNOWN]), max_size=20))
def test_the_neighbours_differ_and_no_position_between_them_can_be_judged(truth: list[str]) -> None:
    search, change = run_search(truth)
    ends = [word for word in truth if word != UNKNOWN]
    if not ends or ends[0] == ends[-1]:
        assert change is None
    else:
        assert change is not None
        low, high = change
        assert low < high
        assert {truth[low], truth[high]} == {GOOD, BAD}
        assert all(truth[i] == UNKNOWN for i in range(low + 1, high))
    assert all(search.judged[i] == truth[i] for i in search.judged)
