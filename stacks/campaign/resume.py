"""Finds the campaign that a command can resume: the newest one with the same plan, if it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, RESULTS, RecordError


def find_unfinished(
    kind: str, settings: dict[str, Any], has_same_cells: Callable[[list[dict[str, Any]]], bool], results: Path = RESULTS
) -> Path | None:
    """Return the directory of the newest campaign of this kind with the same plan; None if it is done or not there.

    `settings` are the `shared_settings` of the plan. `has_same_cells` gets the cells of a campaign.json.
    """
    for path in sorted(results.glob(f"*/{CAMPAIGN_FILE}"), reverse=True):
        try:
            record = read_json(path)
        except RecordError:
            continue
        if path.parent.is_symlink() or record.get("kind") != kind or record["plan"] != settings:
            continue
        if has_same_cells(record["cells"]):
            return None if record["status"] == "done" else path.parent
    return None
