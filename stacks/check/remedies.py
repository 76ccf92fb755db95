"""What can be tried on a stack whose workers do not come back; the remedies stand in remedies.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from packaging.version import InvalidVersion, Version

from stacks.catalogue import STACKS
from stacks.check.measurement import Measured
from stacks.check.neutralise import Neutral, has
from stacks.check.server import Server

FILE = STACKS / "remedies.toml"


@dataclass(frozen=True)
class Remedy:
    """One change that may cure."""

    name: str
    what: str
    verdicts: tuple[str, ...]
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    before: str = ""
    set: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    upgrade: bool = False

    def applies(self, verdict: str, neutral: Neutral, known: frozenset[str], server: Server) -> bool:
        """Whether there is any sense in trying it on this stack."""
        if verdict not in self.verdicts or not all(key in known for key, _ in self.set):
            return False
        if self.upgrade and server.pin is None:
            return False
        if self.before and not is_before(server.pin or server.version, self.before):
            return False
        if self.needs and not has(neutral.options, *self.needs):
            return False
        return not (self.unless and has(neutral.options, *self.unless))

    def apply(self, neutral: Neutral) -> Neutral:
        """The configuration with it."""
        changed = replace(neutral, options=list(neutral.options), changes=list(neutral.changes))
        changed.drop(self.drop, "a remedy on trial")
        for key, value in self.set:
            changed.set(key, value, "a remedy on trial")
        return changed


def with_upgrade(remedy: Remedy, upgrade: Remedy) -> Remedy:
    """Both at once, for a stack that has two defects."""
    return replace(remedy, name=f"{upgrade.name}+{remedy.name}", what=f"{remedy.what} and {upgrade.what}", upgrade=True)


@dataclass(frozen=True)
class Tried:
    """What a remedy did."""

    remedy: Remedy
    measured: Measured | None
    why: str = ""  # it could not be tried
    target: str = ""  # the pyuwsgi of an upgrade
    leaves_threads: bool = False  # of the app in the master, which may hold the GIL at any fork (unbit/uwsgi#1149)

    @property
    def what(self) -> str:
        """In words."""
        return f"{self.remedy.what} to {self.target}" if self.target else self.remedy.what

    @property
    def cures(self) -> bool:
        """Whether every worker came back with it, and not by luck."""
        return self.measured is not None and self.measured.verdict == "recovers" and not self.leaves_threads

    def say(self) -> str:
        """One line: whether it helps, and what it costs."""
        if self.measured is None:
            return f"{self.what}: not tried, {self.why}"
        found = self.measured
        if self.cures:
            took = f"{found.recycle_median_s:.2f} s a recycle" if found.recycle_median_s is not None else "not timed"
            memory = f", {found.memory_mib:.0f} MiB in all" if found.memory_mib else ""
            return f"{self.what}: cures it, 0 of {found.trials} hung ({took}{memory})"
        if found.verdict == "recovers":
            return (
                f"{self.what}: no cure, though 0 of {found.trials} hung here: "
                "the threads of your app still run in the master"
            )
        if found.is_hang:
            if found.verdict == "hung_master":
                return f"{self.what}: does not help, the master itself hangs"
            if found.verdict in ("hung_request", "dead_master"):
                return f"{self.what}: does not help, {found.reason}"
            if found.verdict == "crash_loop":
                return f"{self.what}: does not help, {found.crashed} workers died before they were ready"
            return f"{self.what}: does not help, {found.hung} of {found.trials} hung"
        return f"{self.what}: not measured, {found.error or found.reason}"


def is_before(version: str, limit: str) -> bool:
    """Whether a uWSGI version is older than another."""
    try:
        return Version(version) < Version(limit)
    except InvalidVersion:
        return False


@cache
def remedies() -> tuple[Remedy, ...]:
    """Those of remedies.toml."""
    rows: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["remedy"]
    frozen = [{key: _frozen(value) for key, value in row.items()} for row in rows]
    return tuple(Remedy(**row) for row in frozen)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
