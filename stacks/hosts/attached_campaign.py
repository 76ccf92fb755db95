"""The campaign of a run that watched a uWSGI which the pack did not start, as the reports read it.

Its values are those of a recording by the watcher: the uWSGI is expected to recover, and its version is not known.
"""

from __future__ import annotations

from typing import Any

from stacks.lifecycle.records import SCHEMA
from stacks.watch.recorded_campaign import CAMPAIGN_PLAN, KIND, VERSION

CELL = {"stack": "uwsgi", "version": VERSION, "python": "", "package": "uwsgi", "app": "", "expected": "recovers"}


def complete_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return run.json with the cell that it lacks."""
    return {**CELL, **record, "trial": 1}


def campaign_of(record: dict[str, Any], command: str) -> dict[str, Any]:
    """Return campaign.json of one run. `record` is its complete run.json, `command` what has made the copy."""
    cell = {name: record[name] for name in CELL} | {"variant": "", "what": "a uWSGI that was running", "pin": VERSION}
    shared = {name: record.get(name) for name in ("campaign", "host", "git", "clock", "scenario")}
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "status": "done",
        "plan": CAMPAIGN_PLAN | {"scenario": record["scenario"], "users": record["plan"]["users"]},
        "seed": 0,
        "trials": 1,
        "command": command,
        "cells": [cell | {"causes": [], "not_tested_because": None, "runs": [record["run_id"]]}],
        **shared,
    }
