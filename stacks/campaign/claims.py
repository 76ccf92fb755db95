"""`claims`: the campaign that puts public statements about the bug to the test; they stand in claims.toml."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import Asked, plan
from stacks.catalogue import STACKS, Catalogue, UsageError

FILE = STACKS / "claims.toml"
KIND = "claims"
KEYS = {"says", "implies", "shows"}


@dataclass(frozen=True)
class Claim:
    """A statement, and what it implies for cells: (stack, version, verdict) or (stack, version, fact)."""

    says: str
    implies: tuple[tuple[str, str, str], ...] = ()
    shows: tuple[tuple[str, str, str], ...] = ()

    @property
    def cells(self) -> list[tuple[str, str]]:
        """The cells that it takes to judge it."""
        return [(stack, version) for stack, version, _ in (*self.implies, *self.shows)]


def read_claims(known: Catalogue, file: Path = FILE) -> tuple[list[Claim], int, tuple[str, str]]:
    """The claims, how many runs a cell gets, and the cell whose stop is waited for. Raises UsageError."""
    value: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    errors, claims = [], []
    for number, row in enumerate(value["claim"], start=1):
        if unknown := set(row) - KEYS:
            errors.append(f"{file.name}, claim {number}: unknown {', '.join(sorted(unknown))}")
            continue
        rows = {key: tuple(map(tuple, row.get(key, ()))) for key in ("implies", "shows")}
        claims.append(Claim(row["says"], **rows))
        for stack, version in claims[-1].cells:
            if stack not in known.stacks or version not in known.versions:
                errors.append(f"{file.name}, claim {number}: no cell {stack} at {version}")
    if errors:
        raise UsageError("\n".join(errors))
    return claims, int(value["trials"]), tuple(value["patient"])


def campaign(known: Catalogue, trials: int | None = None) -> Campaign:
    """Every cell that some claim needs, once; one run waits for the end of what INT does."""
    claims, usual, patient = read_claims(known)
    pairs = tuple(dict.fromkeys(cell for claim in claims for cell in claim.cells))
    usually = replace(known.plan, trials=usual, cells=pairs)
    made, cells, scenario = plan(replace(known, plan=usually), Asked(trials=trials))
    waited = frozenset({(pairs.index(patient), 1)})
    more = {"claims": [asdict(claim) for claim in claims]}
    return Campaign(made, Asked(), cells, scenario, kind=KIND, patient_runs=waited, more=more)
