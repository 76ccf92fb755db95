"""The result of holding one formula against one run, and a summary of many such results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FormulaCheck:
    """A predicted and a measured value of one run, in `unit`."""

    run_key: str
    what: str
    formula: str
    predicted: float
    measured: float
    unit: str
    holds: bool


def summarise(checks: list[FormulaCheck]) -> list[str]:
    """Say for each formula, over all runs that could check it, how often it holds and by how much it is off."""
    by_formula: dict[str, list[FormulaCheck]] = {}
    for check in checks:
        by_formula.setdefault(check.what.split(" (")[0], []).append(check)
    sentences = []
    for what, group in by_formula.items():
        error = np.array([check.measured - check.predicted for check in group])
        held = sum(check.holds for check in group)
        unit = {"%": "points"}.get(group[0].unit, group[0].unit)
        if unit == "s":  # the tolerance of a time is a share of the predicted time, so the error is shown as one, too
            error, unit = 100 * error / np.array([check.predicted for check in group]), "%"
        sentences.append(
            f"{what}: {held} of {len(group)} runs hold; measured less predicted is {error.mean():+.1f} {unit} on "
            f"average, {error.min():+.1f} to {error.max():+.1f}"
        )
    return sentences
