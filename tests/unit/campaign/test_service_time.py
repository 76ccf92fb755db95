"""The service time of an app: from the answers in the window of one busy worker."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from stacks.campaign.campaign import Campaign
from stacks.campaign.capacity_cells import calibration_cell
from stacks.campaign.capacity_options import read_options
from stacks.campaign.capacity_progress import CapacityProgress
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.service_time import answered_rps, service_s
from stacks.catalogue import load
from stacks.lifecycle.records import REQUESTS_FILE, RecordError

KNOWN = load()


def answered_run(directory: Path, begin_ns: int) -> dict[str, object]:
    """The record of a run of 2 s with four answers, one of them after the window."""
    directory.mkdir()
    rows = {
        "start_ns": [begin_ns, begin_ns, begin_ns + 10**9, begin_ns + 10**9, begin_ns],
        "latency_us": [1000, 1000, 1000, 2_000_000, 1000],
        "error": ["", "", "", "", "timeout"],
    }
    pq.write_table(pa.table(rows), directory / REQUESTS_FILE)
    return {
        "run_id": directory.name,
        "status": "done",
        "verdict": "invalid",
        "error": None,
        "load": {"begin_ns": begin_ns, "window_s": 2.0},
        "counts": {"respawns": 7},
    }


def test_only_answers_in_the_window_count(tmp_path: Path) -> None:
    record = answered_run(tmp_path / "run", 5 * 10**12)
    assert answered_rps(tmp_path / "run", record) == 1.5
    assert answered_rps(tmp_path / "none", record) is None


def ended_campaign(tmp_path: Path, *records: dict[str, object]) -> Campaign:
    """A campaign of one cell whose runs have ended with these records."""
    cells = [calibration_cell(KNOWN, read_options(KNOWN, {}))]
    campaign = Campaign(KNOWN.plan, PlanOptions(), cells, KNOWN.scenarios["saturate"])
    campaign.directory, campaign.done, campaign.runs = tmp_path, [(0, record) for record in records], [(0, 1)]
    return campaign


def test_the_service_time_is_the_time_of_one_busy_worker_for_a_request(tmp_path: Path) -> None:
    assert service_s(ended_campaign(tmp_path, answered_run(tmp_path / "run", 10**12))) == pytest.approx(1 / 1.5)
    with pytest.raises(RecordError, match="cannot be measured: no python application"):
        service_s(ended_campaign(tmp_path, {"status": "failed", "error": "no python application"}))
    with pytest.raises(RecordError, match="answered nothing within 3 s"):
        service_s(ended_campaign(tmp_path))


def test_a_run_is_shown_by_its_answers_a_second(tmp_path: Path) -> None:
    text = StringIO()
    record = answered_run(tmp_path / "run", 10**12)
    CapacityProgress(Console(file=text, width=120)).run_ended(ended_campaign(tmp_path, record), 0, record)
    assert text.getvalue() == "[1/1] run: 2 requests/s, 7 respawns\n"
