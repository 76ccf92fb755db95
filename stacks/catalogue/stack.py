"""A stack: one uWSGI configuration, and what its [pack] section says about it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stacks.catalogue.triggers import Trigger
from stacks.catalogue.version import Version, is_in_range

# The subjects of the stacks, with their headings, in the order of stacks/README.md.
STACK_KINDS = {
    "recycle": "What makes workers recycle",
    "mode": "Ways to run uWSGI, with the usual recycling at max-requests",
    "deadlock": "The deadlocks, and their supposed cures",
    "failure": "Other failures to come back",
    "control": "Controls: slow, costly or confusing stacks that must never be called hung",
}


@dataclass(frozen=True)
class Stack:
    """One .ini file in stacks/. The fields from `kind` on are the keys of its [pack] section."""

    name: str
    path: Path
    kind: str  # a key of STACK_KINDS
    what: str
    app: str
    meets: tuple[str, ...] = ()  # names of defects
    sees: str = ""  # what a load test sees at every version, healthy ones included
    workers: int | None = None  # instead of the plan's number
    respawns: int | None = None
    max_requests: int | None = None
    users: int | None = None
    duration_s: int | None = None
    initial: int | None = None  # workers of the first generation, if there are fewer than `workers`
    scenario: str | None = None
    trigger: Trigger | None = None
    packages: tuple[str, ...] = ()  # that must be installed beside uWSGI, as exact pins
    programs: tuple[str, ...] = ()  # that must be on PATH
    files: tuple[str, ...] = ()  # of stacks/, which a run copies to $(PACK_RUN) with their placeholders filled in
    python: str = ""  # specifiers of the versions that can run the stack
    pin: str = ""

    def objection(self, version: Version) -> str:
        """Return why this machine cannot test the stack at `version`, or ''."""
        if not is_in_range(self, version):
            needs = [f"Python {self.python}" * bool(self.python), f"uWSGI {self.pin}" * bool(self.pin)]
            return f"it needs {' and '.join(filter(None, needs))}."
        missing = [program for program in self.programs if shutil.which(program) is None]
        return f"{', '.join(missing)} is not installed." if missing else ""
