"""The service time of an app: the seconds that a request takes one busy thread, measured by a run of its own."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.capacity_cells import SATURATE, WINDOW_S, calibration_cell
from stacks.campaign.capacity_options import CapacityOptions
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.runner import carry_out
from stacks.campaign.view import SilentView
from stacks.catalogue import Catalogue, Plan, UsageError
from stacks.lifecycle.records import REQUESTS_FILE, RecordError
from stacks.run.parquet import read_requests


def answered_rps(directory: Path, record: dict[str, Any]) -> float | None:
    """Return the answers a second in the window of a run; None if it had no load. `record` is its run.json."""
    begin_ns, window_s = record["load"]["begin_ns"], record["load"]["window_s"]
    path = directory / REQUESTS_FILE
    if begin_ns is None or not path.is_file():
        return None
    rows = read_requests(path, ["start_ns", "latency_us", "error"])
    ends_ns = (start + 1000 * us for start, us, error in zip(*rows.values(), strict=True) if not error)
    count = sum(begin_ns <= end < begin_ns + window_s * 1e9 for end in ends_ns)
    return float(count / window_s)


def service_s(campaign: Campaign) -> float:
    """Return the service time from the run of `campaign`. Raises RecordError if the app does not answer."""
    for _, record in campaign.done:
        if record["status"] != "done":
            raise RecordError(f"the app cannot be measured: {record['error']}")
        rps = answered_rps(campaign.directory / record["run_id"], record)
        if rps:
            return 1 / rps
    reasons = "; ".join(campaign.not_tested.values()) or f"it answered nothing within {WINDOW_S:g} s"
    raise RecordError(f"the app cannot be measured: {reasons}")


def calibrate(catalogue: Catalogue, options: CapacityOptions, plan: Plan) -> float:
    """Run one busy worker and return the service time. The files of the run stay only if it fails.

    Raises RecordError if the app does not answer, and KeyboardInterrupt.
    """
    scratch = Path(tempfile.mkdtemp(prefix="pack-calibration-"))
    cells, scenario = [calibration_cell(catalogue, options)], catalogue.scenarios[SATURATE]
    campaign = Campaign(replace(plan, trials=1), PlanOptions(), cells, scenario, results=scratch)
    try:
        campaign.prepare()
        carry_out(campaign, SilentView())
        if campaign.status == "interrupted":
            raise KeyboardInterrupt
    except (KeyboardInterrupt, UsageError):  # there is nothing to look at
        shutil.rmtree(scratch)
        raise
    found_s = service_s(campaign)
    shutil.rmtree(scratch)
    return found_s
