"""The catalogue of everything that a user can name, and the verdict that it expects of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stacks.catalogue.defect import Defect
from stacks.catalogue.stack import Stack
from stacks.catalogue.version import Version
from stacks.lifecycle.verdict import VERDICTS


@dataclass(frozen=True)
class Plan:
    """How a campaign hammers: `loadtest.toml`, with the changes from the command line."""

    trials: int
    seed: int
    scenario: str
    users: int
    duration_s: float
    workers: int
    max_requests: int
    respawns: int
    cells: tuple[tuple[str, str], ...]  # stack, version
    matrix: tuple[str, ...]  # the stacks that `make matrix` runs at every version
    lanes: int = 1  # how many runs have their load at the same time
    alone: tuple[str, ...] = ()  # the stacks whose runs have no other load beside them


@dataclass(frozen=True)
class Catalogue:
    """Everything that a user can name, by its name."""

    stacks: dict[str, Stack]
    versions: dict[str, Version]
    defects: dict[str, Defect]
    scenarios: dict[str, Path]
    plan: Plan

    def expected(self, stack: Stack, version: Version) -> str:
        """Return the verdict that a run of `stack` at `version` should have."""
        return next((cause.verdict for cause in self.causes(stack, version)), "recovers")

    def causes(self, stack: Stack, version: Version) -> tuple[Defect, ...]:
        """Return the defects behind the expected verdict: the severest of the defects that the stack meets."""
        defects = self.defects_met(stack, version)
        verdicts = {d.verdict for d in defects if d.always} or {d.verdict for d in defects}
        verdict = min(verdicts, key=VERDICTS.index, default=None)
        return tuple(defect for defect in defects if defect.verdict == verdict)

    def defects_met(self, stack: Stack, version: Version) -> list[Defect]:
        """Return every defect of `version` that a run of `stack` meets."""
        return [d for d in self.defects.values() if (d.always or d.name in stack.meets) and d.affects(version)]
