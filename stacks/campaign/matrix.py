"""`matrix`: stacks x every version as one campaign, which goes on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from stacks.campaign.campaign import MATRIX, numbers
from stacks.campaign.plan import Asked, Cell, named, plan
from stacks.catalogue import Catalogue, Plan, Version, interpreters, venvs, wheels
from stacks.catalogue.server_packages import HAS_WHEELS
from stacks.lifecycle.records import CAMPAIGN_FILE, RESULTS, RecordError, read_json

ALL = "all"
RUN_S = 3.2  # 24 runs of the default plan took 77 s on 2 cores
BUILD_S = 30.0  # of the standalone binary from its sdist, on the same
ASK_AT_ONCE = 4


def matrix_plan(known: Catalogue, asked: Asked) -> tuple[Plan, list[Cell], Path]:
    """The plan with every version of each stack, one run a cell if nothing else is said. Raises UsageError."""
    if asked.stack == ALL:
        asked = replace(asked, stack=",".join(known.stacks))
    stacks = list(dict.fromkeys([*known.plan.matrix, *named(asked.stack)]))
    cells = tuple((stack, version) for stack in stacks for version in known.versions)
    return plan(replace(known, plan=replace(known.plan, trials=1, cells=cells)), asked)


def unfinished(made: Plan, asked: Asked, results: Path = RESULTS) -> Path | None:
    """The newest matrix of the same plan that did not come to its end."""
    for path in sorted(results.glob(f"*/{CAMPAIGN_FILE}"), reverse=True):
        try:
            record = read_json(path)
        except RecordError:
            continue
        if path.parent.is_symlink() or record.get("kind") != MATRIX or record["plan"] != numbers(made, asked):
            continue
        if tuple((cell["stack"], cell["version"]) for cell in record["cells"]) == made.cells:
            return None if record["status"] == "done" else path.parent
    return None


def describe(
    cells: list[Cell],
    trials: int,
    resumed: Path | None,
    has_wheel: Callable[[str, str, str], bool] = wheels.has_wheel,
    is_there: Callable[[str], bool] = interpreters.is_installed,
) -> str:
    """The plan in words: what would run, what cannot and why, and how long it takes. Makes nothing."""
    versions = list(dict.fromkeys(cell.version for cell in cells))

    def why_not(version: Version) -> str:
        try:
            if not has_wheel(version.python, version.package, version.pin):
                return "no wheel"
        except venvs.VenvError as error:
            return str(error)
        return "" if is_there(version.python) else f"Python {version.python} is not here; uv is asked for it"

    firsts = {version.package: version for version in reversed(versions)}.values()  # bring the index's page, once
    answers = {version: why_not(version) for version in firsts}
    others = [version for version in versions if version not in answers]
    with ThreadPoolExecutor(ASK_AT_ONCE) as pool:
        answers |= zip(others, pool.map(why_not, others), strict=True)
    possible = [cell for cell in cells if answers[cell.version] != "no wheel"]
    stacks = list(dict.fromkeys(cell.stack.name for cell in cells))
    done = sum(1 for _ in resumed.glob("*/run.json")) if resumed else 0
    runs = len(possible) * trials - done
    builds = sum(not HAS_WHEELS[v.package] and not answers[v] for v in versions)
    lines = [f"{len(stacks)} stacks: {', '.join(stacks)}", f"{len(versions)} versions:"]
    lines += [
        f"  {version.id:24} {answers[version] or ('wheel' if HAS_WHEELS[version.package] else 'from source')}"
        for version in versions
    ]
    if resumed:
        lines.append(f"goes on in {resumed}, where {done} runs stand")
    minutes = (runs * RUN_S + builds * BUILD_S) / 60
    lines.append(
        f"{len(cells)} cells, {len(cells) - len(possible)} of them without a wheel; {runs} runs of about {RUN_S} s: "
        f"about {minutes:.0f} minutes" + (f", of which {builds} builds from source" if builds else "")
    )
    return "\n".join(lines)
