"""`matrix --dry-run`: tells what would run, what cannot run and why, and how long it would take."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stacks.campaign.cell import Cell
from stacks.catalogue import Version, interpreters, venvs, wheels
from stacks.catalogue.server_packages import HAS_WHEELS
from stacks.lifecycle.records import RUN_FILE

RUN_S = 3.2  # 24 runs of the default plan took 77 s on 2 cores
BUILD_S = 30.0  # to build the standalone binary from its sdist, on the same machine
PARALLEL_QUESTIONS = 4  # to the package index
NO_WHEEL = "no wheel"


def describe(
    cells: list[Cell],
    trials: int,
    resumed: Path | None,
    has_wheel: Callable[[str, str, str], bool] = wheels.has_wheel,
    is_there: Callable[[str], bool] = interpreters.is_installed,
) -> str:
    """Return the plan in words. Asks the package index, but installs and runs nothing.

    `resumed` is the directory of the same plan that was interrupted. `has_wheel` gets a Python, a package and a pin;
    `is_there` gets a Python.
    """
    versions = list(dict.fromkeys(cell.version for cell in cells))
    obstacles = _obstacles(versions, has_wheel, is_there)
    possible = [cell for cell in cells if obstacles[cell.version] != NO_WHEEL]
    stacks = list(dict.fromkeys(cell.stack.name for cell in cells))
    done = sum(1 for _ in resumed.glob(f"*/{RUN_FILE}")) if resumed else 0
    runs = len(possible) * trials - done
    builds = sum(not HAS_WHEELS[version.package] and not obstacles[version] for version in versions)
    lines = [f"{len(stacks)} stacks: {', '.join(stacks)}", f"{len(versions)} versions:"]
    for version in versions:
        source = "wheel" if HAS_WHEELS[version.package] else "from source"
        lines.append(f"  {version.id:24} {obstacles[version] or source}")
    if resumed:
        lines.append(f"resumes {resumed}, where {done} runs are done")
    minutes = (runs * RUN_S + builds * BUILD_S) / 60
    lines.append(
        f"{len(cells)} cells, {len(cells) - len(possible)} of them without a wheel; {runs} runs of about {RUN_S} s: "
        f"about {minutes:.0f} minutes" + (f", with {builds} builds from source" if builds else "")
    )
    return "\n".join(lines)


def _obstacles(
    versions: list[Version], has_wheel: Callable[[str, str, str], bool], is_there: Callable[[str], bool]
) -> dict[Version, str]:
    """Return for each version why it may be impossible to test, or ''."""

    def obstacle(version: Version) -> str:
        try:
            if not has_wheel(version.python, version.package, version.pin):
                return NO_WHEEL
        except venvs.VenvError as error:
            return str(error)
        return "" if is_there(version.python) else f"Python {version.python} is not installed; the run asks uv for it"

    # The first question about a package reads its page of the index. The other questions use uv's cache.
    firsts = {version.package: version for version in reversed(versions)}.values()
    obstacles = {version: obstacle(version) for version in firsts}
    others = [version for version in versions if version not in obstacles]
    with ThreadPoolExecutor(PARALLEL_QUESTIONS) as pool:
        return obstacles | dict(zip(others, pool.map(obstacle, others), strict=True))
