"""Entries of a matrix campaign's summary -> one grid for each stack, and the words for a grid and its fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from analysis.frames.release import python_release

Entry = dict[str, Any]
Row = tuple[str, str]  # package, Python

NO_WHEEL, NOT_TESTED = "no wheel", "not tested"
# Verdicts that do not say that workers stay away.
NOT_BAD = ("recovers", "throttled", "invalid")


@dataclass(frozen=True)
class VerdictGrid:
    """One stack at every version: rows are Pythons, columns are pins, a field is an entry of the summary."""

    stack: str
    rows: list[Row]
    pins: list[str]
    entries: dict[tuple[str, str, str], Entry]  # (package, Python, pin)

    def row_name(self, row: Row) -> str:
        """`Python 3.12`, with the package where it is not pyuwsgi."""
        package, python = row
        return f"Python {python}" + ("" if package == "pyuwsgi" else f", {package}")

    def entry(self, row: Row, pin: str) -> Entry | None:
        """The entry of a field; None where the package has no such pin."""
        return self.entries.get((*row, pin))

    def fields(self) -> Iterator[tuple[Row, str, Entry]]:
        """Every field that has an entry, row by row."""
        for row in self.rows:
            for pin in self.pins:
                if (entry := self.entry(row, pin)) is not None:
                    yield row, pin, entry


def grids_of(summary: dict[str, Any]) -> list[VerdictGrid]:
    """One grid for each stack in the order of the plan; rows and columns from old to new, pyuwsgi's rows first."""
    grids = []
    for stack in dict.fromkeys(cell["stack"] for cell in summary["cells"]):
        cells = [cell for cell in summary["cells"] if cell["stack"] == stack]
        rows = {(cell["package"], cell["python"]) for cell in cells}
        grids.append(
            VerdictGrid(
                stack,
                sorted(rows, key=lambda row: (row[0] != "pyuwsgi", row[0], python_release(row[1]))),
                sorted({pin_of(cell) for cell in cells}, key=Version),
                {(cell["package"], cell["python"], pin_of(cell)): cell for cell in cells},
            )
        )
    return grids


def pin_of(entry: Entry) -> str:
    """The pin at the end of a version's id: `2.0.26` of `py312-2.0.26`."""
    return str(entry["version"].rsplit("-", 1)[1])


def why_untested(entry: Entry) -> str:
    """NO_WHEEL, or NOT_TESTED for every other reason; an empty text where the field was tested."""
    reason = entry["not_tested_because"]
    if reason:
        return NO_WHEEL if "has no wheel" in reason else NOT_TESTED
    return "" if entry["verdict"] else NOT_TESTED


def field_words(entry: Entry) -> tuple[str, str]:
    """The two lines of text in a tested field: the verdict, and the counts with the hang rate."""
    verdict = entry["verdict"]
    trials = entry["respawns"] + entry["hung_initial"]
    if verdict == "recovers" and trials and not entry["hung"]:
        return "recovers", f"0 of {trials}, max. {100 * (entry['hang_rate_high'] or 0):.1f} %"
    if verdict == "hung_worker" and trials:
        return "hung_worker", f"{entry['hung']} of {trials}, {100 * entry['hang_rate']:.0f} %"
    return str(verdict), f"{entry['hung']} of {trials}" if trials else ""


def title(grid: VerdictGrid) -> str:
    """Say in how many of the tested combinations the workers come back, and where they do not."""
    tested = [(row, pin, entry) for row, pin, entry in grid.fields() if not why_untested(entry)]
    bad = [(row, pin) for row, pin, entry in tested if entry["verdict"] not in NOT_BAD]
    if not tested:
        return f"{grid.stack}: no combination could be tested"
    combinations = f"{len(tested)} tested combination{'' if len(tested) == 1 else 's'}"
    if not bad:
        healthy = sum(entry["verdict"] == "recovers" for _, _, entry in tested)
        return f"{grid.stack}: the workers come back in {healthy} of {combinations}"
    if len(bad) == len(tested):
        return f"{grid.stack}: the workers come back in 0 of {combinations}"
    pythons = dict.fromkeys(grid.row_name(row) for row, _ in bad)
    pins = sorted({pin for _, pin in bad}, key=Version)
    span = pins[0] if len(pins) == 1 else f"{pins[0]} to {pins[-1]}"
    return (
        f"{grid.stack}: the workers do not come back in {len(bad)} of {combinations}: {', '.join(pythons)} with {span}"
    )


def alt_text(grid: VerdictGrid) -> str:
    """Describe every field of the grid."""
    fields = [
        f"{grid.row_name(row)} with {pin}: {why_untested(entry) or ', '.join(filter(None, field_words(entry)))}"
        for row, pin, entry in grid.fields()
    ]
    return f"Verdict and hang rate of the stack {grid.stack}. " + "; ".join(fields) + "."
