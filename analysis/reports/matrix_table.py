"""Prints a matrix campaign in the terminal: for each stack a table of Pythons and pins with the verdicts."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.figures.verdict_grid import (
    NO_WHEEL,
    Entry,
    VerdictGrid,
    field_words,
    grids_of,
    title,
    why_untested,
)
from analysis.reports.summary_notes import Note, notes
from analysis.reports.terminal import STYLES, console
from analysis.summary import verdict_words, wording
from analysis.summary.expectations import is_unexpected
from analysis.summary.left_out_words import left_out_line

# Columns of the terminal: the names of the rows, the shortest field, and a field with its gap.
NAMES_WIDTH, FIELD_WIDTH, FIELD_AND_GAP = 18, 14, 16
# What differs between the reasons of runs that failed alike: the run's id and the path of its log.
RUN_OF_REASON = re.compile(r"^\S+ (failed|interrupted): | \(whole log: [^)]*\)")


def answer(summary: dict[str, Any]) -> str:
    """How many cells were tested, how many have no wheel, and whether a verdict changed."""
    cells = summary["cells"]
    tested = [cell for cell in cells if not why_untested(cell)]
    missing = sum(why_untested(cell) == NO_WHEEL for cell in cells)
    changed = sum(map(is_unexpected, tested))
    result = f"{changed} verdict{'' if changed == 1 else 's'} CHANGED" if changed else "all verdicts as expected"
    has_no_wheel = f"{missing} {'has' if missing == 1 else 'have'} no wheel"
    return f"{len(tested)} of {wording.cell_count(len(cells))} tested, {has_no_wheel}: {result}"


def show(summary: dict[str, Any], to: Console | None = None) -> None:
    """Print one table for each stack, the answer, and the notes on cells that are not as expected."""
    to = to or console()
    if line := left_out_line(summary["left_out"], summary["damaged"]):
        to.print(Text(line, "yellow"), "")
    for grid in grids_of(summary):
        to.print(Text(title(grid), "bold"))
        fitting = max(1, (to.width - NAMES_WIDTH) // FIELD_AND_GAP)
        for first in range(0, len(grid.pins), fitting):
            to.print(_table(grid, grid.pins[first : first + fitting]), "")
    to.print(Text(answer(summary), "bold"), "")
    unusual = [cell for cell in summary["cells"] if why_untested(cell) != NO_WHEEL and not cell["as_expected"]]
    for heading, rows in notes(summary | {"cells": unusual}):
        if rows:
            _show_notes(heading, rows, to)


def _table(grid: VerdictGrid, pins: list[str]) -> Table:
    """The columns `pins` of a grid."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("")
    for pin in pins:
        table.add_column(pin, min_width=FIELD_WIDTH)
    for row in grid.rows:
        if any(grid.entry(row, pin) for pin in pins):
            table.add_row(grid.row_name(row), *(_field(grid.entry(row, pin)) for pin in pins))
    return table


def _field(entry: Entry | None) -> Text:
    if entry is None:
        return Text("")
    if untested := why_untested(entry):
        return Text(untested, "dim")
    verdict, counts = field_words(entry)
    sign, tone = verdict_words.mark(entry["verdict"])
    text = Text(f"{sign} {verdict}\n{counts}", STYLES[tone])
    if is_unexpected(entry):
        text.append(f"\nCHANGED: expected {entry['expected']}", "bold red")
    return text


def _show_notes(heading: str, rows: list[Note], to: Console) -> None:
    """Print every distinct reason once, with the versions that it holds for."""
    to.print(Text(heading, "bold"))
    names_by_reason: dict[str, list[str]] = {}
    for name, reason in rows:
        names_by_reason.setdefault(RUN_OF_REASON.sub("", reason), []).append(name)
    for reason, names in names_by_reason.items():
        versions = dict.fromkeys(name.rpartition(" ")[2] for name in names)
        to.print(Text(f"  {wording.cell_count(len(names))}: {', '.join(versions)}\n    {reason}"), soft_wrap=True)
    to.print()
