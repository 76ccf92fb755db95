"""The remedies of remedies.toml: to which configuration each applies, and what it changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from stacks.catalogue import STACKS
from stacks.catalogue.strict_rows import read_toml
from stacks.catalogue.version_order import is_before
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import is_set
from stacks.check.server import Server

FILE = STACKS / "remedies.toml"
WHY = "part of a remedy on trial"


@dataclass(frozen=True)
class Remedy:
    """One change that may make the workers come back. The fields are the keys of remedies.toml."""

    name: str
    what: str
    verdicts: tuple[str, ...]
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    before: str = ""
    set: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    upgrade: bool = False
    with_threads: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()  # the key `with`

    def applies(
        self,
        verdict: str,
        neutral: NeutralConfiguration,
        binary_options: frozenset[str],
        server: Server,
        master_threads: int = 1,
    ) -> bool:
        """Return True if a trial makes sense.

        `binary_options` are the options of the user's binary, and `master_threads` are the threads of the master.
        """
        if verdict not in self.verdicts or not all(key in binary_options for key, _ in self.set):
            return False
        if verdict in self.with_threads and master_threads <= 1:
            return False
        if self.upgrade and server.pin is None:
            return False
        if self.before and not is_before(server.pin or server.version, self.before):
            return False
        if self.needs and not is_set(neutral.options, *self.needs):
            return False
        return not (self.unless and is_set(neutral.options, *self.unless))

    def apply(self, neutral: NeutralConfiguration) -> NeutralConfiguration:
        """Return a copy of the configuration with the remedy."""
        changed = replace(neutral, options=list(neutral.options), changes=list(neutral.changes))
        changed.drop_options(self.drop, WHY)
        for key, value in self.set:
            changed.set_option(key, value, WHY)
        return changed


@cache
def remedies() -> tuple[Remedy, ...]:
    """Return the remedies of remedies.toml, in its order."""
    rows: list[dict[str, Any]] = read_toml(FILE)["remedy"]
    names = {"with": "partners"}  # `with` is no name for a field
    return tuple(Remedy(**{names.get(key, key): _as_tuples(value) for key, value in row.items()}) for row in rows)


def with_upgrade(remedy: Remedy, upgrade: Remedy) -> Remedy:
    """Return a remedy that does both, for a configuration with two defects."""
    return replace(remedy, name=f"{upgrade.name}+{remedy.name}", what=f"{remedy.what} and {upgrade.what}", upgrade=True)


def with_partners(candidates: Sequence[Remedy], failed: Collection[str]) -> list[Remedy]:
    """Return each of `candidates` together with each of its partners that did not cure alone (`failed`, by name)."""
    return [
        replace(
            remedy,
            name=f"{partner.name}+{remedy.name}",
            what=f"{partner.what} and {remedy.what}",
            set=(*partner.set, *remedy.set),
            drop=(*partner.drop, *remedy.drop),
        )
        for remedy in candidates
        for partner in candidates
        if partner.name in remedy.partners and partner.name in failed
    ]


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
