"""Lanes: when the runs of a campaign start, and when their load begins."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from stacks.campaign.campaign import Campaign
from stacks.campaign.lanes import MOST_STOPPING, Lanes, lane_count
from stacks.campaign.plan_options import PlanOptions

BEFORE_THE_END = ("starting", "waiting", "loading")
AFTER_THE_LOAD = ("settling", "stopping", "done")
ALONE = 9  # the index of a cell


def run(phase: str, index: int = 0, *, has_turn: bool = False) -> Any:
    """A run in this phase, as `RunProcess` has it."""
    is_over, is_judged = phase in AFTER_THE_LOAD, phase in ("stopping", "done")
    return SimpleNamespace(phase=phase, index=index, has_turn=has_turn, load_is_over=is_over, has_verdict=is_judged)


@pytest.mark.parametrize("phase", BEFORE_THE_END)
def test_with_one_lane_no_run_starts_beside_a_load(phase: str) -> None:
    lanes = Lanes(1, frozenset())
    assert lanes.has_room([], 0)
    assert not lanes.has_room([run(phase)], 0)


@pytest.mark.parametrize("phase", AFTER_THE_LOAD)
@pytest.mark.parametrize("count", [1, 2])
def test_a_run_starts_beside_a_few_that_only_settle_or_stop(phase: str, count: int) -> None:
    lanes = Lanes(count, frozenset())
    assert lanes.has_room([run(phase)] * MOST_STOPPING * count, 0)
    assert not lanes.has_room([run(phase)] * (MOST_STOPPING * count + 1), 0)


@pytest.mark.parametrize("phase", BEFORE_THE_END)
def test_with_two_lanes_a_third_run_starts_and_waits(phase: str) -> None:
    lanes = Lanes(2, frozenset())
    assert lanes.has_room([run(phase)], 0)
    assert lanes.has_room([run(phase), run(phase)], 0)
    assert not lanes.has_room([run(phase), run(phase), run(phase)], 0)


def test_a_run_that_is_alone_starts_when_the_loads_are_over_and_none_starts_beside_it() -> None:
    lanes = Lanes(2, frozenset({ALONE}))
    assert not lanes.has_room([run("loading")], ALONE)
    assert lanes.has_room([run("settling")], ALONE)
    assert not lanes.has_room([run("starting", ALONE)], 0)
    assert lanes.has_room([run("settling", ALONE)], 0)


def test_a_load_begins_when_a_lane_is_free() -> None:
    loaded, settling = run("loading", has_turn=True), run("settling", has_turn=True)
    stopping, first, second = run("stopping", has_turn=True), run("waiting"), run("waiting")
    two, one = Lanes(2, frozenset()), Lanes(1, frozenset())
    assert two.next_turns([first, second]) == [first, second]
    assert two.next_turns([loaded, first, second]) == [first]
    assert two.next_turns([loaded, settling, first, second]) == [first]
    assert two.next_turns([loaded, loaded, settling, first]) == []
    assert two.next_turns([stopping, loaded, first, second]) == [first]
    assert one.next_turns([first, second]) == [first]
    assert one.next_turns([settling, first]) == []
    assert one.next_turns([stopping, first]) == [first]


def test_a_load_that_is_alone_waits_for_the_others_and_the_others_wait_for_it() -> None:
    lanes = Lanes(2, frozenset({ALONE}))
    alone, other = run("waiting", ALONE), run("waiting")
    assert lanes.next_turns([run("settling", has_turn=True), alone, other]) == []
    assert lanes.next_turns([run("stopping", has_turn=True), alone, other]) == [alone]
    assert lanes.next_turns([run("settling", ALONE, has_turn=True), other]) == []


def test_the_default_plan_has_two_lanes_and_a_plan_that_was_not_measured_side_by_side_has_one(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    assert lane_count(campaign) == campaign.plan.lanes == 2
    for change in ({"kind": "capacity"}, {"external": 1}, {"options": PlanOptions(app="own.py")}):
        assert lane_count(replace(campaign, **change)) == 1, change
    assert lane_count(replace(campaign, plan=replace(campaign.plan, scenario="saturate"))) == 1
    other = replace(campaign.cells[0], stack=replace(campaign.cells[0].stack, name="busy-cpu"))
    assert lane_count(replace(campaign, cells=[other])) == 1
    assert lane_count(replace(campaign, cells=[other], options=PlanOptions(lanes=3))) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    assert lane_count(campaign) == 1
