"""Chooses which cells of a campaign's summary to show beside each other: one that hangs, and one with the remedy.

There are two remedies, and a stack shows at most one of them: another version of the same stack, or another stack at
the same version. The rule looks at verdicts only, never at how a run looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from packaging.version import Version

from analysis.frames.release import release
from analysis.summary.verdict_words import HANGS

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CellPair:
    """Two entries of the summary to compare."""

    hung: Entry
    recovering: Entry

    @property
    def is_upgrade(self) -> bool:
        """True if the cells differ in their version, False if they differ in their stack."""
        return bool(self.hung["stack"] == self.recovering["stack"])


def choose_pairs(cells: list[Entry]) -> list[CellPair]:
    """At most one pair for each remedy: a stack that an upgrade cures, and a stack that only another stack cures."""
    hung = [entry for entry in cells if entry["verdict"] in HANGS]
    recovering = [entry for entry in cells if entry["verdict"] == "recovers"]
    upgrades: list[CellPair] = []
    other_stacks: list[CellPair] = []
    for stack in dict.fromkeys(entry["stack"] for entry in hung):
        newest = max((entry for entry in hung if entry["stack"] == stack), key=_release)
        if (cure := _best_upgrade(newest, recovering)) is not None:
            upgrades.append(CellPair(newest, cure))
        elif (cure := _most_alike_stack(newest, recovering)) is not None:
            other_stacks.append(CellPair(newest, cure))
    # Where no upgrade helps, the newest release is the one that a reader would run.
    return upgrades[:1] + sorted(other_stacks, key=lambda pair: _release(pair.hung), reverse=True)[:1]


def _release(entry: Entry) -> Version:
    return release(entry["package_version"])


def _is_same(left: Entry, right: Entry, *names: str) -> bool:
    return all(left[name] == right[name] for name in names)


def _best_upgrade(hung: Entry, recovering: list[Entry]) -> Entry | None:
    """The same stack at another version: on the same Python and package if possible, then the newest release."""
    others = [entry for entry in recovering if _is_same(hung, entry, "stack")]
    return max(others, key=lambda e: (_is_same(hung, e, "package", "python"), _release(e)), default=None)


def _most_alike_stack(hung: Entry, recovering: list[Entry]) -> Entry | None:
    """Another stack at the same version: the one with the most similar name, such as `threads-lazy` for `threads`."""
    others = [entry for entry in recovering if _is_same(hung, entry, "version")]
    return max(others, key=lambda e: SequenceMatcher(None, hung["stack"], e["stack"]).ratio(), default=None)
