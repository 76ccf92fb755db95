"""The lines that `serve` prints for the web UI. Each is a JSON object with `phase` and what is known by then.

The phases are `preparing`, then those of the run, and at last `written` or `failed`.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.cell import Cell

JUDGEMENT_KEYS = ("verdict", "reason", "evidence")


def print_line(phase: str, **more: object) -> None:
    """Print a JSON object with `phase` and `more` as one line. It is no error if the UI has ended."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"phase": phase, **more}), flush=True)


def known_causes(cell: Cell) -> list[str]:
    """Return a sentence for each known cause of the verdict that the cell is expected to have, with what helps."""
    return [
        f"{cause.what[0].upper()}{cause.what[1:]}. Remedy: {cause.remedy}. See {', '.join(cause.upstream)}."
        for cause in cell.causes
    ]


class LineView:
    """A `View` that prints a line whenever the phase or the verdict so far has changed, and keeps the last run.json."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {}
        self._printed: tuple[str, dict[str, Any]] = ("", {})

    def update(self, campaign: Campaign) -> None:
        for run in campaign.active:
            state = (run.phase, run.judged)
            # Instead of `done`, `serve` prints `written` with the verdict, after it has read run.json.
            if state != self._printed and run.phase != "done":
                self._printed = state
                print_line(run.phase, directory=str(run.directory), port=run.port, **run.judged)

    def run_ended(self, _campaign: Campaign, _index: int, record: dict[str, Any]) -> None:
        self.record = record
