"""Computes summary.json of a campaign from its frames: one entry a cell, and what the campaign says of itself."""

from __future__ import annotations

from typing import Any

from analysis.frames.bottleneck import generator_limit
from analysis.frames.campaigns import Campaign
from analysis.frames.queries import query_runs
from analysis.summary.cell_entry import cell_entry
from stacks.lifecycle.records import SAMPLES_FILE, SCHEMA


def generator_limits(campaign: Campaign) -> dict[str, str]:
    """Return run id -> reason for each run in which the load generator was the limit, and not the stack."""
    samples = query_runs(campaign.counted, SAMPLES_FILE, "*", where="role = 'locust'")
    samples_by_run = dict(list(samples.groupby("run_key")))
    reasons = {}
    for run in campaign.counted.to_dict("records"):
        fields = {str(name): value for name, value in run.items()}
        why = generator_limit(fields, samples_by_run.get(run["run_key"], samples[:0]))
        if why:
            reasons[run["run_id"]] = why
    return reasons


def summarise(campaign: Campaign) -> dict[str, Any]:
    """Return the content of summary.json."""
    plan, runs = campaign.campaign, campaign.runs
    left_out = {run_id for run_id, _ in campaign.left_out}
    limits = generator_limits(campaign)
    entries = []
    for cell in plan["cells"]:
        cell_runs = runs[runs["run_id"].isin(cell["runs"])]
        episodes = campaign.episodes[campaign.episodes["run_id"].isin(cell_runs["run_id"])]
        entries.append(cell_entry(cell, cell_runs, episodes, left_out, limits))
    copied = ("campaign", "kind", "status", "command", "scenario", "seed", "trials", "host", "git")
    return {
        "schema": SCHEMA,
        **{name: plan.get(name) for name in copied},
        "cells": entries,
        "left_out": [{"run_id": run_id, "reason": reason} for run_id, reason in campaign.left_out],
        "damaged": [{"file": file, "reason": reason} for file, reason in campaign.damaged],
    }
