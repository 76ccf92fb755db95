"""Makes the virtual environments that the cells of a campaign need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stacks.campaign.cell import Cell
from stacks.catalogue import venvs
from stacks.catalogue.interpreters import NotFound

Environment = tuple[str, tuple[str, ...]]  # the id of a version, and the packages that are installed beside it


def environment(cell: Cell) -> Environment:
    """Return which environment `cell` needs."""
    return cell.version.id, cell.stack.packages


def make_venvs(
    cells: Sequence[Cell], report: Callable[[int, int], None]
) -> tuple[dict[Environment, venvs.Venv], dict[int, str]]:
    """Make each environment once. `report` gets the number of the next one, and how many there are.

    Returns the environments, and why a cell cannot be tested, by the index of the cell. An environment that cannot be
    made does not end the campaign.
    """
    made: dict[Environment, venvs.Venv] = {}
    failures: dict[Environment, str] = {}
    wanted = {environment(cell): cell.version for cell in cells}
    for number, (key, version) in enumerate(wanted.items(), start=1):
        report(number, len(wanted))
        try:
            made[key] = venvs.ensure(version.python, version.package, version.pin, key[1])
        except (NotFound, venvs.VenvError) as error:
            failures[key] = str(error)
    reasons = [failures.get(environment(cell)) or cell.stack.objection(cell.version) for cell in cells]
    return made, {index: reason for index, reason in enumerate(reasons) if reason}
