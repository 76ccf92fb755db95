"""What a run of a campaign gets in its plan, and which scenario it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.run_start import _plan, _scenario
from stacks.catalogue import SCENARIOS
from stacks.run.run_directory import OVERTIME_LIMIT_S


@pytest.mark.parametrize(
    ("campaign_is_patient", "patient_trials", "expected"),
    [(False, 0, [False, False]), (False, 1, [True, False]), (True, 0, [True, True])],
)
def test_a_campaign_is_patient_in_every_run_and_a_cell_in_its_first_ones(
    campaign: Campaign, campaign_is_patient: bool, patient_trials: int, expected: list[bool]
) -> None:
    campaign.patient = campaign_is_patient
    cell = replace(campaign.cells[0], patient_trials=patient_trials)
    assert [_plan(campaign, cell, trial)["patient"] for trial in (1, 2)] == expected


def test_a_run_may_last_longer_than_its_window_and_with_an_external_load_the_user_ends_it(campaign: Campaign) -> None:
    cell = replace(campaign.cells[0], overrides={"duration_s": 7.0})
    assert _plan(campaign, cell, 1)["limit_s"] == OVERTIME_LIMIT_S + 7.0
    campaign.external = 4711
    plan = _plan(campaign, cell, 1)
    assert (plan["limit_s"], plan["external"], plan["duration_s"]) == (OVERTIME_LIMIT_S, 4711, 7.0)


def test_the_scenario_is_the_cells_else_that_of_the_command_line_else_the_stacks(campaign: Campaign) -> None:
    cell = campaign.cells[0]
    with_stack = replace(cell, stack=replace(cell.stack, scenario="burst"))
    assert _scenario(campaign, cell) == campaign.scenario
    assert _scenario(campaign, with_stack) == SCENARIOS / "burst.py"
    assert _scenario(campaign, replace(with_stack, scenario=Path("own.py"))) == Path("own.py")
    campaign.options = PlanOptions(scenario="steady")
    assert _scenario(campaign, with_stack) == campaign.scenario
