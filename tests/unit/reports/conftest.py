"""A capacity campaign and its plan, and no PDFs: a browser would take longer than all tests."""

from pathlib import Path

import pytest
from capacity_sweep import sweep

from analysis.capacity.demand import Demand
from analysis.frames.results import load
from analysis.reports.capacity_plan import build


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch):
    monkeypatch.setenv("PACK_NO_PDF", "1")


@pytest.fixture(scope="session")
def campaign(tmp_path_factory) -> Path:
    """The results directory of a capacity campaign."""
    return sweep(tmp_path_factory.mktemp("capacity") / "campaign")


@pytest.fixture(scope="session")
def plan(campaign):
    """The plan for 200 requests/s, 99 % of them within 0.2 s, with 25 % headroom and a spare worker."""
    return build(load(campaign), Demand(200, 0.2, 0.25, 1))
