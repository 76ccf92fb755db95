"""The results that the tests of the analysis use, and what the analysis makes of them, are as the schemas describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contract import problems_below
from results_builder import Builder, recovering, typical

from analysis.__main__ import main


def test_a_campaign_its_summary_and_its_capacity_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACK_NO_PDF", "1")
    campaign = typical(tmp_path / "campaign")
    assert main(["summary", str(campaign)]) == 0
    assert main(["report", str(campaign)]) == 0
    assert {path.name for path in campaign.glob("*.json")} == {"campaign.json", "summary.json", "capacity.json"}
    assert problems_below(campaign) == []


def test_a_campaign_with_gaps(tmp_path: Path) -> None:
    """Null where there is no number: a cell that was not tested, a run that failed, and one that is missing."""
    builder = Builder(tmp_path / "campaign")
    builder.cell(not_tested_because="no Python 3.12")
    builder.cell()
    builder.run("recovers", recovering())
    builder.run("invalid", status="failed", error="bind(): address in use")
    builder.cell()
    builder.cells[-1]["runs"].append("missing")
    campaign = builder.write(status="interrupted")
    assert main(["summary", str(campaign)]) == 1
    summary = json.loads((campaign / "summary.json").read_text())
    assert [cell["verdict"] for cell in summary["cells"]] == [None, "recovers", None]
    assert problems_below(campaign) == []
