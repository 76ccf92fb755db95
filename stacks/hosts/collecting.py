"""Copies a run on many hosts from its results location into a directory, as a campaign of one run for the reports."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from stacks.hosts.attached_campaign import campaign_of, complete_record
from stacks.hosts.location import Location
from stacks.lifecycle import strict_json
from stacks.lifecycle.parts import PARTS_DIR, current_files
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, RecordError, write_json

RUN = "run"  # the name of the run's directory in the copy
OBSERVERS_CAMPAIGN = CAMPAIGN_FILE + ".observer"


def collect(location: Location, target: Path) -> Path:
    """Copy the run to `target`/CAMPAIGN. Returns that directory. Raises RecordError."""
    try:
        record: dict[str, Any] = strict_json.loads(location.read(RUN_FILE))
        campaign = str(record["run_id"])
        status = str(record["status"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise RecordError(f"{location.url}: holds no run of many hosts.") from None
    if status == "running":
        raise RecordError(
            f"{location.url}: the run has not ended. If its master has died, close it: "
            f"python -m stacks close {location.url}"
        )
    directory = target / campaign
    names = location.names()
    parts = {file.name for file in current_files(_below(names, PARTS_DIR), campaign)}
    for name in names:
        if not name.startswith(f"{PARTS_DIR}/") or name.removeprefix(f"{PARTS_DIR}/") in parts:
            location.download(name, directory / RUN / name)
    record |= {"run_id": RUN, "campaign": campaign}
    if "stack" not in record and "url" in record:
        record = complete_record(record)
        command = f"python -m stacks collect {location.url}"
        write_json(directory / CAMPAIGN_FILE, campaign_of(record, command))
    write_json(directory / RUN / RUN_FILE, record)
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, IndexError, TypeError):
        plan = strict_json.loads(location.read(OBSERVERS_CAMPAIGN))
        cell = plan["cells"][0] | {"runs": [RUN]}
        write_json(directory / CAMPAIGN_FILE, plan | {"campaign": campaign, "cells": [cell], "status": "done"})
    return directory


def _below(names: list[str], folder: str) -> list[str]:
    return [name.removeprefix(f"{folder}/") for name in names if name.startswith(f"{folder}/")]
