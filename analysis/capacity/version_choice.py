"""Chooses the version to recommend: the newest one whose workers come back."""

from __future__ import annotations

from analysis.frames.cells import Cell
from analysis.frames.release import release


def is_before(version: str, other: str) -> bool:
    """Return True if `version` is older than `other` (PEP 440)."""
    return release(version) < release(other)


def choose_cells(cells: list[Cell]) -> list[Cell]:
    """Return the cells of the version to recommend that say something of its capacity; [] if no version recovers.

    It is the newest version with a cell that recovers. Its cells with another verdict than `recovers` and `invalid` are
    left out; `invalid` are cells with too few recycles, such as those that measure the capacity curve. Of two versions
    that are equally new, for example on two Pythons, it is the one with more runs.
    """
    versions: dict[str, list[Cell]] = {}
    for cell in cells:
        versions.setdefault(cell.version, []).append(cell)
    usable = [
        [cell for cell in version_cells if cell.verdict in ("recovers", "invalid")]
        for version_cells in versions.values()
        if any(cell.verdict == "recovers" for cell in version_cells)
    ]
    if not usable:
        return []
    return max(usable, key=lambda c: (release(c[0].package_version), sum(len(cell.runs) for cell in c)))
