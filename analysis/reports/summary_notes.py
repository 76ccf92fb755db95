"""The notes below a table in the terminal: what was not tested, what differs from the plan, causes and evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.reports import run_names
from analysis.summary import campaign_words, wording

Note = tuple[str, str]  # what the note is about, and its text


def notes(summary: dict[str, Any]) -> Iterator[tuple[str, list[Note]]]:
    """(heading, notes) for each kind of note; a kind without a note has an empty list."""
    cells = summary["cells"]
    unusual = [c for c in cells if not c["as_expected"] and not c["not_tested_because"]]
    yield "Settings in the names", _settings_note(cells)
    yield "Not tested", [(wording.cell_name(c), c["not_tested_because"]) for c in cells if c["not_tested_because"]]
    yield (
        "Not as expected, or not measured",
        [(wording.cell_name(c), c["reason"] or "No run of this cell ended.") for c in unusual],
    )
    yield "Warnings", [(wording.cell_name(c), warning) for c in cells if (warning := wording.generator_warning(c))]
    yield "Left out", _left_out(summary)
    yield "Causes and remedies", [(", ".join(names), text) for text, names in campaign_words.causes(summary)]
    yield (
        "Threads that the fork loses",
        [(", ".join(names), text) for text, names in campaign_words.lost_threads(summary)],
    )
    yield "Evidence", [(", ".join(names), text) for text, names in campaign_words.evidence_groups(summary)]


def _left_out(summary: dict[str, Any]) -> list[Note]:
    runs = [(row["run_id"], row["reason"]) for row in summary["left_out"]]
    return runs + [(row["file"], row["reason"]) for row in summary["damaged"]]


def _settings_note(cells: list[dict[str, Any]]) -> list[Note]:
    """Explain the letters of the settings in the names of the cells, with the longest such name as the example."""
    explained = run_names.explained(map(wording.stack_name, cells))
    if not explained:
        return []
    longest = max(explained, key=len)
    return [(longest, f"{explained[longest]}. The other names have the same letters; without m, no worker recycles.")]
