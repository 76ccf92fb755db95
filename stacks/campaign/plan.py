"""Which runs a campaign makes, and in which order: the default plan, narrowed and changed by what was asked for."""

from __future__ import annotations

import math
import random
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stacks.catalogue import Catalogue, Defect, Plan, Stack, UsageError, Version, similar
from stacks.lifecycle.rates import respawns_to_rule_out

# More than these on one host is a slip of the finger, not a plan.
LIMITS: dict[str, tuple[float, float]] = {
    "trials": (1, 1000),
    "users": (1, 10_000),
    "duration_s": (0.5, 3600),
    "workers": (1, 512),
    "max_requests": (1, 1_000_000),
    "seed": (0, 2**31),
}
RATE: dict[str, tuple[float, float]] = {"rate": (0.01, 100_000)}
# Options of uWSGI that a run may set instead of its stack's ini, and what a slip of the finger would be.
OPTIONS: dict[str, tuple[float, float]] = {
    "threads": (1, 1024),
    "max_requests_delta": (0, 1_000_000),
    "min_worker_lifetime": (0, 86_400),
    "listen": (1, 65_535),
}


@dataclass(frozen=True)
class Cell:
    """A stack at a version, and the verdict expected of it; a plan with several settings of one has a variant each."""

    stack: Stack
    version: Version
    expected: str
    variant: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)  # of run.json's plan, instead of the campaign's
    scenario: Path | None = None
    trials: int | None = None
    causes: tuple[Defect, ...] = ()  # of the expected verdict

    @property
    def name(self) -> str:
        """The first part of its runs' ids."""
        return f"{self.stack.name}@{self.version.id}" + (f"+{self.variant}" if self.variant else "")


@dataclass(frozen=True)
class Asked:
    """What the command line said; None where it said nothing."""

    stack: str | None = None
    version: str | None = None
    scenario: str | None = None
    rate: float | None = None  # arrivals a second of the scenario `open`, all users together
    trials: int | None = None
    users: int | None = None
    duration_s: float | None = None
    workers: int | None = None
    max_requests: int | None = None
    threads: int | None = None
    max_requests_delta: int | None = None
    min_worker_lifetime: int | None = None  # seconds
    listen: int | None = None
    seed: int | None = None
    confidence: float | None = None  # the hang rate to rule out, as a share
    app: str | None = None  # the path of a WSGI file instead of the stack's
    env: str | None = None  # NAME=VALUE ..., as a shell splits them

    @property
    def numbers(self) -> dict[str, int]:
        """The OPTIONS that it names."""
        return {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}

    @property
    def options(self) -> dict[str, int | str | list[str]]:
        """What stands in the ini instead of the stack's own."""
        found: dict[str, int | str | list[str]] = {n.replace("_", "-"): value for n, value in self.numbers.items()}
        if self.app:
            found["pythonpath"] = str(Path(self.app).expanduser().resolve().parent)  # what the app imports beside it
        return found | ({"env": shlex.split(self.env)} if self.env else {})


def plan(catalogue: Catalogue, asked: Asked) -> tuple[Plan, list[Cell], Path]:
    """The plan, its cells and the scenario's file. Raises UsageError with every mistake at once."""
    errors: list[str] = []
    given = {name: getattr(asked, name) for name in LIMITS if getattr(asked, name) is not None}
    rate = {} if asked.rate is None else {"rate": asked.rate}
    for name, value in [*given.items(), *rate.items(), *asked.numbers.items()]:
        low, high = (LIMITS | RATE | OPTIONS)[name]
        if not low <= value <= high:
            errors.append(f"{name.upper().removesuffix('_S')}: {value:g} is not between {low:g} and {high:g}")
    made = replace(catalogue.plan, **given)
    if asked.confidence is not None:
        if 0 < asked.confidence < 1:
            made = replace(made, respawns=math.ceil(respawns_to_rule_out(asked.confidence) / max(1, made.trials)))
        else:
            errors.append(f"CONFIDENCE: {asked.confidence:%} is not between 0 % and 100 %")
    scenario = _scenario(catalogue, asked.scenario or made.scenario, errors)
    app = app_of(asked, errors)
    stacks = _names(asked.stack, catalogue.stacks, "stack", errors)
    versions = _versions(asked.version, catalogue, errors)
    if errors:
        raise UsageError("\n".join(errors))
    pairs = list(dict.fromkeys(_pairs(made.cells, stacks, versions)))
    cells = [_cell(catalogue, *pair, asked.threads or 0) for pair in pairs]
    if app:
        cells = [replace(cell, stack=replace(cell.stack, app=app)) for cell in cells]
    return replace(made, scenario=scenario.stem, cells=tuple(pairs)), cells, scenario


def app_of(asked: Asked, errors: list[str]) -> str | None:
    """The absolute path of somebody's own app."""
    try:
        pairs = shlex.split(asked.env or "")
    except ValueError:
        pairs = [""]
    if not all(re.match(r"\w+=", pair) for pair in pairs):
        errors.append(f"ENV: {asked.env}: not of the form NAME=VALUE NAME=VALUE")
    path = Path(asked.app).expanduser() if asked.app else None
    if path is not None and not path.is_file():
        errors.append(f"APP: {asked.app}: no such file; it takes the path of a WSGI file with `application` in it")
    return str(path.resolve()) if path is not None else None


def _cell(catalogue: Catalogue, name: str, version_id: str, threads: int = 0) -> Cell:
    stack, version = catalogue.stacks[name], catalogue.versions[version_id]
    meets = stack.meets + ("thread-state",) * (threads >= 1) + ("exit-stall",) * (threads > 1)  # whatever the stack
    meeting = replace(stack, meets=meets)
    return Cell(stack, version, catalogue.expected(meeting, version), causes=catalogue.causes(meeting, version))


def named(text: str | None) -> list[str]:
    """Names as people list them, with commas, spaces or both between them."""
    return (text or "").replace(",", " ").split()


def _names(text: str | None, known: Iterable[str], what: str, errors: list[str]) -> list[str]:
    wanted = named(text)
    unknown = [name for name in wanted if name not in known]
    errors += [f"no {what} {name}{similar(name, known)}; there are: {', '.join(known)}" for name in unknown]
    return wanted


def _versions(text: str | None, catalogue: Catalogue, errors: list[str]) -> list[str]:
    """Ids; or pins and Pythons, which stand for all that the plan has of them, or for every one where it has none."""
    planned = {version for _, version in catalogue.plan.cells}
    ours = [version for version in catalogue.versions.values() if version.package == "pyuwsgi"]
    wanted: list[str] = []
    for name in named(text):
        some = [version.id for version in ours if name in (version.pin, version.python)]
        some = [version for version in some if version in planned] or some
        if not some and name not in catalogue.versions:
            pins, pythons = (list(dict.fromkeys(getattr(v, part) for v in ours)) for part in ("pin", "python"))
            errors.append(
                f"no version {name}{similar(name, [*pins, *catalogue.versions])}; there are ids such as {ours[0].id} "
                f"(`python -m stacks list`), pins ({', '.join(pins)}) and Pythons ({', '.join(pythons)})"
            )
        wanted += some or [name]
    return wanted


def _scenario(catalogue: Catalogue, name: str, errors: list[str]) -> Path:
    if name in catalogue.scenarios:
        return catalogue.scenarios[name]
    path = Path(name).expanduser()
    if path.suffix == ".py" and path.is_file():
        return path.resolve()
    errors.append(f"no scenario {name}; there are: {', '.join(catalogue.scenarios)}, or the path of a locustfile")
    return path


def _pairs(default: Iterable[tuple[str, str]], stacks: list[str], versions: list[str]) -> list[tuple[str, str]]:
    """Default cells that match; for a name that the default plan does not have, all its combinations."""
    default = list(default)
    if stacks and versions:
        return [(stack, version) for stack in stacks for version in versions]
    if stacks:
        matching = [pair for pair in default if pair[0] in stacks]
        others = [stack for stack in stacks if stack not in {pair[0] for pair in default}]
        all_versions = list(dict.fromkeys(version for _, version in default))
        return matching + [(stack, version) for stack in others for version in all_versions]
    if versions:
        matching = [pair for pair in default if pair[1] in versions]
        others = [version for version in versions if version not in {pair[1] for pair in default}]
        all_stacks = list(dict.fromkeys(stack for stack, _ in default))
        return matching + [(stack, version) for version in others for stack in all_stacks]
    return default


def order(cells: list[Cell], trials: int, seed: int) -> list[tuple[int, int]]:
    """(cell index, trial) in the order of the runs: every cell once a round, each round shuffled.

    So a host that drifts from minute to minute drifts for all cells alike.
    """
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    found = []
    for trial in range(1, max([trials, *(cell.trials or 0 for cell in cells)]) + 1):
        indexes = [index for index, cell in enumerate(cells) if trial <= (cell.trials or trials)]
        generator.shuffle(indexes)
        found += [(index, trial) for index in indexes]
    return found


def _respawns(asked: Asked, stack: Stack) -> int | None:
    """How many a stack wants; a trigger makes fewer of them where there are fewer workers."""
    if not (stack.trigger and stack.respawns and stack.workers and asked.workers):
        return stack.respawns
    return max(1, stack.respawns * min(asked.workers, stack.workers) // stack.workers)


def run_plan(made: Plan, asked: Asked, stack: Stack) -> dict[str, Any]:
    """The numbers of one run, in the shape of run.json's `plan`: the command line, else the stack, else the plan."""
    planned = {
        "users": asked.users or stack.users or made.users,
        "duration_s": asked.duration_s or stack.duration_s or made.duration_s,
        "workers": asked.workers or stack.workers or made.workers,
        "max_requests": asked.max_requests or stack.max_requests or made.max_requests,
        "options": asked.options,
        "respawns": made.respawns if asked.confidence else _respawns(asked, stack) or made.respawns,
        "initial": stack.initial,
        "trigger": str(stack.trigger) if stack.trigger else None,
        "files": [str(stack.path.parent / name) for name in stack.files],
    }
    return planned | ({} if asked.rate is None else {"rate": asked.rate})
