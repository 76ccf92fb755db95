"""The capacity plan as numbers for programs. Owns the format of capacity.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from analysis.capacity import measurements, predictions
from analysis.frames import cells
from analysis.reports.capacity_plan import CapacityPlan
from analysis.reports.cell_tables import comparison_row
from analysis.reports.verification import Verification
from stacks.lifecycle.records import SCHEMA


def as_json(plan: CapacityPlan) -> dict[str, Any]:
    """The contents of capacity.json, before `json_values` makes plain numbers of them."""
    return {
        "schema": SCHEMA,
        "kind": "capacity",
        "demand": asdict(plan.demand) | {"wanted_rps": plan.demand.wanted_rps},
        "recommendation": vars(plan.advice),
        "host": plan.host,
        "cells": [cells.as_row(cell) for cell in plan.cells],
        "comparisons": [comparison_row(comparison) for comparison in plan.comparisons],
        "measured": measurements.as_json(plan.measured),
        "phases": plan.phases,
        "by_threads": [vars(advice) for advice in plan.by_threads],
        "spares": plan.spares,
        "unfixed": [vars(outage) | {"cell": outage.cell.name} for outage in plan.outages],
        "measured_against_predicted": predictions.as_json(plan.checks),
        "verification": None if plan.verification is None else _verification(plan.verification),
        "cautions": plan.cautions,
        "left_out": [{"run": run, "reason": why} for run, why in plan.results.left_out + plan.results.damaged],
        "runs": plan.results.counted["run_key"].tolist(),
    }


def _verification(verification: Verification) -> dict[str, Any]:
    return {
        "met": verification.is_met,
        "why": verification.reason,
        "run_key": verification.run_key,
        "p99_s": verification.p99_s,
        "offered_rps": verification.offered_rps,
        "answered_rps": verification.answered_rps,
        "recycles": verification.recycles,
        "workers": verification.workers,
    }
