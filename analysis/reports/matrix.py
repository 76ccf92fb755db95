"""A matrix campaign in words: for each stack a table of Pythons and pins, with verdict and hang rate in every field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.version import Version
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.reports.terminal import STYLES, console, notes
from analysis.statistics.hang_rates import highest_rate_without_hang
from analysis.summary import verdict_words, wording
from analysis.summary.expectations import is_unexpected

NO_WHEEL, NOT_TESTED = "no wheel", "not tested"


@dataclass(frozen=True)
class Grid:
    """One stack at every version."""

    stack: str
    rows: list[tuple[str, str]]  # (package, python)
    pins: list[str]
    entries: dict[tuple[str, str, str], dict[str, Any]]  # (package, python, pin)

    def row_name(self, row: tuple[str, str]) -> str:
        """Python 3.12, with the package where it is not pyuwsgi."""
        package, python = row
        return f"Python {python}" + ("" if package == "pyuwsgi" else f", {package}")

    def entry(self, row: tuple[str, str], pin: str) -> dict[str, Any] | None:
        """What was found there; None where the package has no such pin."""
        return self.entries.get((*row, pin))


def grids(summary: dict[str, Any]) -> list[Grid]:
    """A grid a stack, in the order of the plan; rows and columns from old to new, the pyuwsgi ones first."""
    found = []
    for stack in dict.fromkeys(cell["stack"] for cell in summary["cells"]):
        cells = [cell for cell in summary["cells"] if cell["stack"] == stack]
        rows = {(cell["package"], cell["python"]) for cell in cells}
        pins = {pin_of(cell) for cell in cells}
        found.append(
            Grid(
                stack,
                sorted(rows, key=lambda row: (row[0] != "pyuwsgi", row[0], Version(row[1]))),
                sorted(pins, key=Version),
                {(cell["package"], cell["python"], pin_of(cell)): cell for cell in cells},
            )
        )
    return found


def pin_of(entry: dict[str, Any]) -> str:
    """The pin in a version's id."""
    return str(entry["version"].rsplit("-", 1)[1])


def untested(entry: dict[str, Any]) -> str:
    """Why a field is empty: no wheel, or not tested for another reason; '' where it was tested."""
    why = entry["not_tested_because"]
    if why:
        return NO_WHEEL if "has no wheel" in why else NOT_TESTED
    return "" if entry["verdict"] else NOT_TESTED


def words(entry: dict[str, Any]) -> tuple[str, str]:
    """Verdict and hang rate: two short lines."""
    verdict = entry["verdict"]
    trials = entry["respawns"] + entry["hung_initial"]
    if verdict == "recovers" and trials and not entry["hung"]:
        limit = highest_rate_without_hang(trials) or 0.0
        return "recovers", f"0 of {trials}, < {100 * limit:.0f} %"
    if verdict == "hung_worker" and trials:
        return "hung_worker", f"{entry['hung']} of {trials}, {100 * entry['hang_rate']:.0f} %"
    return str(verdict), f"{entry['hung']} of {trials}" if trials else ""


def finding(grid: Grid) -> str:
    """What the grid of a stack says, from its fields."""
    tested = [(row, pin, e) for (row, pin), e in _fields(grid) if not untested(e)]
    bad = [(row, pin) for row, pin, e in tested if e["verdict"] not in ("recovers", "throttled", "invalid")]
    if not tested:
        return f"{grid.stack}: no combination could be tested"
    if not bad:
        healthy = sum(e["verdict"] == "recovers" for _, _, e in tested)
        return f"{grid.stack}: the workers come back in {healthy} of {len(tested)} combinations tested"
    if len(bad) == len(tested):
        return f"{grid.stack}: the workers do not come back in any of {len(tested)} combinations tested"
    pythons = dict.fromkeys(grid.row_name(row) for row, _ in bad)
    pins = sorted({pin for _, pin in bad}, key=Version)
    span = pins[0] if len(pins) == 1 else f"{pins[0]} to {pins[-1]}"
    return (
        f"{grid.stack}: the workers do not come back in {len(bad)} of {len(tested)} combinations tested: "
        f"{', '.join(pythons)} with {span}"
    )


def answer(summary: dict[str, Any]) -> str:
    """How much was tested, and whether anything changed."""
    cells = summary["cells"]
    tested = [cell for cell in cells if not untested(cell)]
    missing = sum(untested(cell) == NO_WHEEL for cell in cells)
    changed = sum(map(is_unexpected, tested))
    text = f"{len(tested)} of {wording.cell_count(len(cells))} tested, {missing} have no wheel: "
    return text + (f"{changed} CHANGED" if changed else "all of them as expected")


def alt(grid: Grid) -> str:
    """Every field in words."""
    said = []
    for (row, pin), entry in _fields(grid):
        state = untested(entry) or ", ".join(filter(None, words(entry)))
        said.append(f"{grid.row_name(row)} with {pin}: {state}")
    return f"Verdict and hang rate of {grid.stack}. " + "; ".join(said) + "."


def _fields(grid: Grid) -> Iterator[tuple[tuple[tuple[str, str], str], dict[str, Any]]]:
    for row in grid.rows:
        for pin in grid.pins:
            if (entry := grid.entry(row, pin)) is not None:
                yield (row, pin), entry


def _field(entry: dict[str, Any] | None) -> Text:
    if entry is None:
        return Text("")
    if state := untested(entry):
        return Text(state, "dim")
    verdict, rate = words(entry)
    sign, tone = verdict_words.mark(entry["verdict"])
    text = Text(f"{sign} {verdict}\n{rate}", STYLES[tone])
    if is_unexpected(entry):
        text.append(f"\nCHANGED: expected {entry['expected']}", "bold red")
    return text


def _reason(why: str) -> str:
    """Why, without the run and its log, which differ where the reason is one."""
    return re.sub(r"^\S+ (failed|interrupted): | \(whole log: [^)]*\)", "", why)


def show(summary: dict[str, Any], to: Console | None = None) -> None:
    """Print a table a stack, what changed, and how much was tested."""
    to = to or console()
    for grid in grids(summary):
        to.print(Text(finding(grid), "bold"))
        # Half as many columns a table where the terminal is narrow: a field needs 15.
        width = max(1, (to.width - 18) // 16)
        for first in range(0, len(grid.pins), width):
            pins = grid.pins[first : first + width]
            table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
            table.add_column("")
            for pin in pins:
                table.add_column(pin, min_width=14)
            for row in grid.rows:
                if any(grid.entry(row, pin) for pin in pins):
                    table.add_row(grid.row_name(row), *(_field(grid.entry(row, pin)) for pin in pins))
            to.print(table, "")
    to.print(Text(answer(summary), "bold"), "")
    other = [cell for cell in summary["cells"] if untested(cell) != NO_WHEEL]
    for title, rows in notes(summary | {"cells": [c for c in other if not c["as_expected"]]}):
        if rows:
            to.print(Text(title, "bold"))
            reasons: dict[str, list[str]] = {}
            for name, why in rows:
                reasons.setdefault(_reason(why), []).append(name)
            for why, names in reasons.items():
                versions = dict.fromkeys(name.rpartition(" ")[2] for name in names)
                to.print(Text(f"  {wording.cell_count(len(names))}: {', '.join(versions)}\n    {why}"), soft_wrap=True)
            to.print()
