"""`libraries`: every library in every mode as one campaign. A campaign that was interrupted is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.campaign_record import shared_settings
from stacks.campaign.cell import Cell
from stacks.campaign.library_cells import LibraryOptions, library_cells
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.resume import find_unfinished
from stacks.catalogue import Catalogue, Plan
from stacks.catalogue.libraries import LibraryCatalogue
from stacks.lifecycle.records import RESULTS, RUN_FILE

LIBRARIES = "libraries"  # the kind of these campaigns
RUN_S = 11.0  # 140 runs of the default plan took 26 minutes on 2 cores


def campaign(catalogue: Catalogue, libraries: LibraryCatalogue, options: LibraryOptions) -> Campaign:
    """Return the campaign that `options` ask for, which resumes an interrupted one. Raises UsageError."""
    plan, cells, scenario = library_cells(catalogue, libraries, options)
    return Campaign(plan, PlanOptions(), cells, scenario, kind=LIBRARIES, resumed=unfinished(plan, cells))


def unfinished(plan: Plan, cells: list[Cell], results: Path = RESULTS) -> Path | None:
    """Return the directory of the newest campaign with the same plan, or None if it is done or there is none."""

    def has_same_cells(records: list[dict[str, Any]]) -> bool:
        own = [(c.stack.name, c.version.id, c.variant, list(c.stack.packages)) for c in cells]
        return own == [(r["stack"], r["version"], r["variant"], r.get("packages", [])) for r in records]

    return find_unfinished(LIBRARIES, shared_settings(plan, PlanOptions()), has_same_cells, results)


def describe(campaign: Campaign) -> str:
    """Return the plan in words. Installs and runs nothing."""
    cells, resumed = campaign.cells, campaign.resumed
    names = list(dict.fromkeys(cell.variant for cell in cells))
    environments = {cell.stack.packages for cell in cells}
    done = sum(1 for _ in resumed.glob(f"*/{RUN_FILE}")) if resumed else 0
    runs = sum(cell.trials or campaign.plan.trials for cell in cells) - done
    lines = [f"{len(names)} libraries at {cells[0].version.id}, {len(environments)} environments:"]
    for name in names:
        of_library = [cell for cell in cells if cell.variant == name]
        lines.append(f"  {name:26} {', '.join(of_library[0].stack.packages) or 'standard library'}")
    if resumed:
        lines.append(f"resumes {resumed}, where {done} runs are done")
    lines.append(f"{len(cells)} cells; {runs} runs of about {RUN_S:.0f} s: about {runs * RUN_S / 60:.0f} minutes")
    return "\n".join(lines)
