"""A prepared catalogue for the tests of campaigns: no virtual environment is made, and the time stands still."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import load, venvs
from stacks.catalogue.interpreters import NotFound

NOW = time.gmtime(1795493242)  # 2026-11-24 04:07:22
MISSING_PYTHON = "3.11"
UNREACHABLE_PIN = "2.0.27.post1"


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """A campaign with the default plan. One Python is missing, and one pin cannot be had."""

    def ensure(python: str, package: str, pin: str, beside: Sequence[str] = ()) -> venvs.Venv:
        if python == MISSING_PYTHON:
            raise NotFound(f"Python {python} was not found.")
        if pin == UNREACHABLE_PIN:
            raise venvs.VenvError("the package index cannot be reached.")
        path = tmp_path / pin
        return venvs.Venv(path, path / "python", path / "uwsgi", f"{python}.1", pin)

    monkeypatch.setattr(venvs, "ensure", ensure)
    monkeypatch.setattr(time, "gmtime", lambda: NOW)
    plan, cells, scenario = make_plan(load(), PlanOptions())
    return Campaign(plan, PlanOptions(), cells, scenario, results=tmp_path / "results")
