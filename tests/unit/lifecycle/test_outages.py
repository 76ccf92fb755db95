"""Outages: how long nothing and how long less was answered, and what was lost, from the rows of the requests."""

from __future__ import annotations

import pytest
from rows import at
from way_requests import answers, lost

from stacks.lifecycle.outages import Request, failed_share, outage


def test_a_load_that_is_answered_all_the_time_meets_no_outage() -> None:
    found = outage(answers(0, 4), at(1), at(2), at(3))
    assert (found.nothing_s, found.less_s, found.lost) == (0.0, 0.0, {})
    assert found.requests == pytest.approx(100, abs=2)


def test_a_pause_counts_as_nothing_and_as_less() -> None:
    found = outage([*answers(0, 2.2), *answers(3.2, 5)], at(1), at(2), at(4))
    assert found.nothing_s == pytest.approx(1.0, abs=0.02)
    assert found.less_s == pytest.approx(1.0, abs=0.15)


def test_half_of_the_answers_are_less_and_not_nothing() -> None:
    found = outage([*answers(0, 2), *answers(2, 3, every=0.04), *answers(3, 5)], at(1), at(2), at(4))
    assert found.nothing_s == 0.0
    assert found.less_s == pytest.approx(1.0, abs=0.15)


def test_a_page_that_answers_rarely_has_pauses_that_are_no_outage() -> None:
    found = outage(answers(0, 10, every=0.5), at(1), at(5), at(9))
    assert found.nothing_s == 0.0
    assert found.less_s is None


def test_without_a_time_before_a_slow_page_has_pauses_as_long_as_its_latency() -> None:
    together = [Request(at(second), 600_000, 200, "", 7) for second in (0, 0.6, 1.2, 1.8) for _ in range(8)]
    late = [Request(at(2.4), 1_800_000, 200, "", 7) for _ in range(8)]
    assert outage(together, at(0), at(0), at(2.4)).nothing_s == 0.0
    assert outage([*together, *late], at(0), at(0), at(4.2)).nothing_s == pytest.approx(1.8, abs=0.02)


def test_a_stack_that_never_answers_again_answers_nothing_to_the_end() -> None:
    assert outage(answers(0, 2), at(1), at(2), at(5)).nothing_s == pytest.approx(3.0, abs=0.02)


def test_losses_are_counted_by_kind_and_only_where_they_touch_the_time() -> None:
    rows = [
        *(
            lost(2.5, "refused"),
            lost(2.5, "closed"),
            lost(2.5, "reset"),
            lost(1.9, "timeout", 0.3),
            lost(2.5, "missed"),
        ),
        *(lost(2.8, "in_flight", 2.0), lost(2.9, "in_flight", 0.5), lost(0.5, "reset", 0.1), lost(9.0, "refused")),
        Request(at(2.5), 5000, 503, "", 7),
    ]
    found = outage([*answers(0, 2), *rows], at(1), at(2), at(3))
    assert found.lost == {"failed": 1, "refused": 1, "reset": 2, "timeout": 2}


def test_a_request_that_is_open_at_the_end_is_lost_only_if_no_answer_took_as_long() -> None:
    slow = [Request(at(second), 3_000_000, 200, "", 7) for second in range(5)]
    open_at_the_end = [lost(7.0, "in_flight", 2.5), lost(6.0, "in_flight", 3.5)]
    assert outage([*slow, *open_at_the_end], at(0), at(5), at(9)).lost == {"timeout": 1}


def test_the_share_of_failed_answers_is_that_of_a_stretch_of_time() -> None:
    rows = [*answers(0, 3), *answers(3, 4.2, status=500), lost(3.5, "reset")]
    assert failed_share(rows, at(3.1), at(4)) == 1.0
    assert failed_share(rows, at(2), at(4)) == pytest.approx(0.5, abs=0.02)
    assert failed_share(rows, at(8), at(9)) == 0.0
