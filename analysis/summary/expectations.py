"""Compares the verdicts of summary.json with the expected ones, and derives the exit code from that."""

from __future__ import annotations

from typing import Any

AS_EXPECTED, COULD_NOT_MEASURE, UNEXPECTED = 0, 1, 3


def expected_verdicts(cell: dict[str, Any]) -> tuple[str, ...]:
    """Return the verdicts that a run of the cell may have: several, if it hangs only rarely or in two ways.

    `cell` is a cell of campaign.json or of summary.json.
    """
    return cell["expected"], *cell.get("also_expected", ())


def is_unexpected(entry: dict[str, Any]) -> bool:
    """Return True if a run of the cell has another verdict than the expected ones.

    `invalid` and a missing verdict are not unexpected: such a run measured nothing.
    """
    return any(v not in (None, "invalid", *expected_verdicts(entry)) for v in entry["verdicts"])


def is_matrix(summary: dict[str, Any]) -> bool:
    """Return True for the summary of a matrix campaign."""
    return bool(summary["kind"] == "matrix")


def exit_code(summary: dict[str, Any]) -> int:
    """Return 0 for measured and as expected, 1 if something could not be measured, 3 for an unexpected verdict.

    In a matrix, a cell that was not tested, for example because it has no wheel, is no failure.
    """
    cells = summary["cells"]
    if is_matrix(summary):
        cells = [cell for cell in cells if not cell["not_tested_because"]]
    if any(map(is_unexpected, cells)):
        return UNEXPECTED
    complete = cells and not summary["left_out"] and all(entry["as_expected"] for entry in cells)
    return AS_EXPECTED if complete else COULD_NOT_MEASURE
