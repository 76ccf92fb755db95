"""The campaign that tests public statements about the bug. The statements are in claims.toml."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import STACKS, Catalogue, UsageError
from stacks.catalogue.strict_rows import read_toml

FILE = STACKS / "claims.toml"
KIND = "claims"
KEYS = {"says", "implies", "shows"}


@dataclass(frozen=True)
class Claim:
    """A statement, and what it implies for cells."""

    says: str
    implies: tuple[tuple[str, str, str], ...] = ()  # (stack, version, verdict)
    shows: tuple[tuple[str, str, str], ...] = ()  # (stack, version, fact)

    @property
    def cells(self) -> list[tuple[str, str]]:
        """The cells (stack, version) that decide whether the claim holds."""
        return [(stack, version) for stack, version, _ in (*self.implies, *self.shows)]


def read_claims(catalogue: Catalogue, file: Path = FILE) -> tuple[list[Claim], int, tuple[str, str]]:
    """Return the claims, how many runs each cell gets, and the cell whose first run waits for its stop.

    Raises UsageError with every mistake at once.
    """
    content: dict[str, Any] = read_toml(file)
    errors, claims = [], []
    for number, row in enumerate(content["claim"], start=1):
        if unknown := set(row) - KEYS:
            errors.append(f"{file.name}, claim {number}: unknown {', '.join(sorted(unknown))}")
            continue
        cells = {key: tuple(map(tuple, row.get(key, ()))) for key in ("implies", "shows")}
        claims.append(Claim(row["says"], **cells))
        for stack, version in claims[-1].cells:
            if stack not in catalogue.stacks or version not in catalogue.versions:
                errors.append(f"{file.name}, claim {number}: no cell {stack} at {version}")
    if errors:
        raise UsageError("\n".join(errors))
    return claims, int(content["trials"]), tuple(content["patient"])


def campaign(catalogue: Catalogue, trials: int | None = None) -> Campaign:
    """Return a campaign with every cell that a claim needs, once. `trials` replaces the number of claims.toml."""
    claims, usual_trials, patient_pair = read_claims(catalogue)
    pairs = tuple(dict.fromkeys(pair for claim in claims for pair in claim.cells))
    default = replace(catalogue.plan, trials=usual_trials, cells=pairs)
    plan, cells, scenario = make_plan(replace(catalogue, plan=default), PlanOptions(trials=trials))
    patient = pairs.index(patient_pair)
    cells[patient] = replace(cells[patient], patient_trials=1)
    extra = {"claims": [asdict(claim) for claim in claims]}
    return Campaign(plan, PlanOptions(), cells, scenario, kind=KIND, extra=extra)
