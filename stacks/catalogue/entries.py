"""The entries of the catalogue: stack, version, server package, known defect and plan, and the verdict expected."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from packaging.specifiers import SpecifierSet

from stacks.catalogue.triggers import Trigger
from stacks.lifecycle.verdict import VERDICTS

# What a stack is about, in the order of stacks/README.md.
KINDS = {
    "recycle": "What makes workers recycle",
    "mode": "Ways to run, at the usual recycle",
    "deadlock": "The deadlocks, and what is said to cure them",
    "failure": "Other ways not to come back",
    "control": "Controls: slow, costly or confusing, and never to be called hung",
}


class UsageError(Exception):
    """A wrong name or value; the text lists the right ones."""


@dataclass(frozen=True)
class Defect:
    """Something that is known to be wrong with some versions, and the verdict that shows it."""

    name: str
    what: str
    verdict: str
    sees: str  # what a load test must see
    remedy: str
    upstream: tuple[str, ...]
    package: str = ""  # '' is every package
    always: bool = False  # every stack meets it, and nothing else can show beside it
    python: str = ""  # specifiers; '' is every version
    pin: str = ""

    def affects(self, version: Version) -> bool:
        """Whether `version` has it."""
        return self.package in ("", version.package) and matches(self, version)


class Range(Protocol):
    """What has specifiers of the versions that it concerns."""

    @property
    def python(self) -> str: ...
    @property
    def pin(self) -> str: ...


def matches(range_: Range, version: Version) -> bool:
    """Whether `version` is in it."""
    return SpecifierSet(range_.python).contains(version.python) and SpecifierSet(range_.pin).contains(version.pin)


@dataclass(frozen=True)
class Version:
    """One point of the version axis: a Python, a server package and its exact pin."""

    python: str
    package: str
    pin: str

    @property
    def id(self) -> str:
        """py312-2.0.26; py312-uwsgi-2.0.26 for another package than pyuwsgi."""
        package = "" if self.package == "pyuwsgi" else f"{self.package}-"
        return f"py{self.python.replace('.', '')}-{package}{self.pin}"


@dataclass(frozen=True)
class Package:
    """A server package and the two axes of its versions."""

    pythons: list[str]
    pins: list[str]


@dataclass(frozen=True)
class Stack:
    """One uWSGI configuration and what its [pack] section says of it."""

    name: str
    path: Path
    kind: str  # one of KINDS
    what: str
    app: str
    meets: tuple[str, ...] = ()
    sees: str = ""  # what a load test sees at every version, healthy ones included
    workers: int | None = None  # instead of the plan's
    respawns: int | None = None
    max_requests: int | None = None
    users: int | None = None
    duration_s: int | None = None
    initial: int | None = None  # workers of the first generation, where these are fewer
    scenario: str | None = None
    trigger: Trigger | None = None
    packages: tuple[str, ...] = ()  # that must be beside uWSGI, exact pins
    programs: tuple[str, ...] = ()  # that must be on PATH
    files: tuple[str, ...] = ()  # of this folder, which it finds filled in in $(PACK_RUN)
    python: str = ""  # specifiers: where it can run at all
    pin: str = ""

    def objection(self, version: Version) -> str:
        """Why it cannot be tested at `version` here, or ''."""
        if not matches(self, version):
            needs = [f"Python {self.python}" * bool(self.python), f"uWSGI {self.pin}" * bool(self.pin)]
            return f"it needs {' and '.join(filter(None, needs))}."
        missing = [program for program in self.programs if shutil.which(program) is None]
        return f"{', '.join(missing)} is not installed." if missing else ""


@dataclass(frozen=True)
class Plan:
    """How a campaign hammers: `loadtest.toml`, and what the command line changes of it."""

    trials: int
    seed: int
    scenario: str
    users: int
    duration_s: float
    workers: int
    max_requests: int
    respawns: int
    cells: tuple[tuple[str, str], ...]
    matrix: tuple[str, ...]  # the stacks that `make matrix` takes to every version


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be named."""

    stacks: dict[str, Stack]
    versions: dict[str, Version]
    defects: dict[str, Defect]
    scenarios: dict[str, Path]
    plan: Plan

    def expected(self, stack: Stack, version: Version) -> str:
        """The verdict that a run of `stack` at `version` should come to."""
        return next((cause.verdict for cause in self.causes(stack, version)), "recovers")

    def causes(self, stack: Stack, version: Version) -> tuple[Defect, ...]:
        """The defects behind that verdict, the severest of those that it meets."""
        found = self.met(stack, version)
        verdicts = {d.verdict for d in found if d.always} or {d.verdict for d in found}
        verdict = min(verdicts, key=VERDICTS.index, default=None)
        return tuple(defect for defect in found if defect.verdict == verdict)

    def met(self, stack: Stack, version: Version) -> list[Defect]:
        """The defects that a run of `stack` at `version` meets."""
        return [d for d in self.defects.values() if (d.always or d.name in stack.meets) and d.affects(version)]


def similar(name: str, known: Iterable[str]) -> str:
    """A hint at one that begins like `name` or is spelled almost like it, or ''."""
    known = list(known)
    longer = sorted((other for other in known if other.startswith(name)), key=len)
    close = longer or get_close_matches(name, known, 1, 0.8)
    return f" (did you mean {close[0]}?)" if close else ""
