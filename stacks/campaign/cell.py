"""A cell: a stack at a version, the verdict that is expected of it, and what its runs have of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.catalogue import Defect, Stack, Version


@dataclass(frozen=True)
class Cell:
    """A stack at a version. A plan that runs one stack and version with several settings has a `variant` for each."""

    stack: Stack
    version: Version
    expected: str  # a verdict
    variant: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)  # replace values of run.json's `plan`
    scenario: Path | None = None  # None: the one of the campaign
    trials: int | None = None  # runs of this cell; None: as many as the campaign makes of every cell
    patient_trials: int = 0  # so many of its first runs wait until the first stop signal has worked
    causes: tuple[Defect, ...] = ()  # of the expected verdict
    also_expected: tuple[str, ...] = ()  # verdicts of other runs, if only some have the expected one

    @property
    def name(self) -> str:
        """The id of each of its runs begins with this."""
        return f"{self.stack.name}@{self.version.id}" + (f"+{self.variant}" if self.variant else "")
