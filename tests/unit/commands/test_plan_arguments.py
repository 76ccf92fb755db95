"""The options of a plan: every option reaches the plan, and an option that is not given changes nothing."""

from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from stacks.campaign.plan_options import PlanOptions
from stacks.commands.command_line import parser
from stacks.commands.plan_arguments import plan_options

GIVEN = {
    "stack": "threads",
    "version": "2.0.26",
    "scenario": "open",
    "rate": 400.0,
    "trials": 2,
    "users": 8,
    "duration": 3.5,
    "workers": 4,
    "max_requests": 60,
    "threads": 3,
    "max_requests_delta": 7,
    "min_worker_lifetime": 9,
    "listen": 128,
    "app": "wsgi.py",
    "env": "A=1 B=2",
    "lanes": 2,
    "seed": 5,
    "confidence": 0.25,
}


def parse(*arguments: str, command: str = "loadtest") -> argparse.Namespace:
    return parser([command]).parse_args([command, *arguments])


@pytest.mark.parametrize("command", ["loadtest", "matrix"])
def test_every_option_reaches_the_plan(command: str) -> None:
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in GIVEN.items()]
    found = plan_options(parse(*arguments, command=command))
    expected = {"duration_s" if name == "duration" else name: value for name, value in GIVEN.items()}
    assert found == PlanOptions(**expected)
    assert set(expected) == {field.name for field in fields(PlanOptions)}


def test_without_options_the_plan_stays_as_it_is() -> None:
    assert plan_options(parse()) == PlanOptions()


@pytest.mark.parametrize("text", ["%", "-1%"])
def test_a_confidence_that_is_no_share_is_an_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(f"--confidence={text}")
    assert "argument --confidence: invalid share value" in capsys.readouterr().err
