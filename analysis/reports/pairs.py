"""Which two runs to show beside each other: a run whose workers hung, and one that names the remedy.

Two remedies exist, and a stack shows at most one of them: another version of the same stack, or
another stack at the same version. The rule looks at verdicts only, never at how a run looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from packaging.version import Version

from analysis.summary.verdict_words import HANGS

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells to compare, the hung one first."""

    hung: Entry
    recovering: Entry

    @property
    def is_upgrade(self) -> bool:
        """Whether what differs is the version; otherwise it is the stack."""
        return bool(self.hung["stack"] == self.recovering["stack"])


def _newest(entry: Entry) -> Version:
    return Version(entry["package_version"])


def _same(left: Entry, right: Entry, *names: str) -> bool:
    return all(left[name] == right[name] for name in names)


def _upgrade(hung: Entry, recovering: list[Entry]) -> Entry | None:
    """The same stack at another version: best on the same Python, then the newest release."""
    others = [entry for entry in recovering if _same(hung, entry, "stack")]
    return max(others, key=lambda e: (_same(hung, e, "package", "python"), _newest(e)), default=None)


def _other_stack(hung: Entry, recovering: list[Entry]) -> Entry | None:
    """Another stack at the same version: the one whose name is most alike, as a twin's is."""
    others = [entry for entry in recovering if _same(hung, entry, "version")]
    return max(others, key=lambda e: SequenceMatcher(None, hung["stack"], e["stack"]).ratio(), default=None)


def choose_pairs(cells: list[Entry]) -> list[Pair]:
    """At most one pair for each remedy: a stack that an upgrade cures, and one that only another stack cures."""
    hung = [entry for entry in cells if entry["verdict"] in HANGS]
    recovering = [entry for entry in cells if entry["verdict"] == "recovers"]
    upgrades: list[Pair] = []
    others: list[Pair] = []
    for stack in dict.fromkeys(entry["stack"] for entry in hung):
        worst = max((entry for entry in hung if entry["stack"] == stack), key=_newest)
        if (better := _upgrade(worst, recovering)) is not None:
            upgrades.append(Pair(worst, better))
        elif (better := _other_stack(worst, recovering)) is not None:
            others.append(Pair(worst, better))
    # Where no upgrade helps, the newest release is the one that a reader would run.
    return upgrades[:1] + sorted(others, key=lambda pair: _newest(pair.hung), reverse=True)[:1]
