"""The cells of `libraries`: every library in every mode at one version, narrowed and changed by the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stacks.campaign.cell import Cell
from stacks.campaign.plan_options import LIMITS
from stacks.campaign.selection import split_names
from stacks.catalogue import Catalogue, Plan, Stack, UsageError, Version, nearby, similar
from stacks.catalogue.libraries import MODES, Library, LibraryCatalogue, LibraryPlan
from stacks.lifecycle.verdict import VERDICTS
from stacks.run.run_directory import START_LIMIT_S, limit_at_once_s

RECOVERS = "recovers"
LAZY_MODE = "lazy-apps"
PIN = re.compile(r"\d[0-9A-Za-z.+!]*")


@dataclass(frozen=True)
class LibraryOptions:
    """The values of the command line; None where it has no value."""

    name: str | None = None  # names of libraries, or their first words, separated by commas or spaces
    pin: str | None = None  # another version of the package of one library
    mode: str | None = None  # modes, separated by commas or spaces
    version: str | None = None  # the id of a version of uWSGI and Python
    trials: int | None = None  # runs of each cell

    @property
    def is_whole(self) -> bool:
        """True if the campaign has every library in every mode, with the pins of libraries.toml."""
        return self.name is None and self.pin is None and self.mode is None


def library_cells(
    catalogue: Catalogue, libraries: LibraryCatalogue, options: LibraryOptions
) -> tuple[Plan, list[Cell], Path]:
    """Return the plan, its cells and the file of the scenario. Raises UsageError with every mistake at once."""
    errors: list[str] = []
    wanted = _select_libraries(libraries, options, errors)
    modes = split_names(options.mode) or list(MODES)
    errors += [f"no mode {mode}; the modes are {', '.join(MODES)}" for mode in modes if mode not in MODES]
    numbers = libraries.plan
    version_id = options.version or numbers.version
    if version_id not in catalogue.versions:
        hint = similar(version_id, catalogue.versions)
        errors.append(f"no version {version_id}{hint}; name one id, such as {numbers.version}")
    low, high = LIMITS["trials"]
    if numbers.scenario not in catalogue.scenarios:
        errors.append(f"stacks/libraries.toml, plan: there is no scenario {numbers.scenario}")
    if options.trials is not None and not low <= options.trials <= high:
        errors.append(f"TRIALS: {options.trials} is not between {low:g} and {high:g}")
    if errors:
        raise UsageError("\n".join(errors))
    version = catalogue.versions[version_id]
    cells = [
        _cell(catalogue, library, mode, version, numbers, options.trials)
        for library in wanted
        for mode in modes
        if mode in library.expected
    ]
    if not cells:
        raise UsageError("stacks/libraries.toml has none of these libraries in these modes")
    plan = replace(
        catalogue.plan,
        trials=options.trials or numbers.trials,
        scenario=numbers.scenario,
        users=numbers.users,
        workers=numbers.workers,
        max_requests=numbers.max_requests,
        duration_s=numbers.duration_s,
        respawns=numbers.respawns,
        cells=tuple((cell.stack.name, cell.version.id) for cell in cells),
    )
    return plan, cells, catalogue.scenarios[plan.scenario]


def _select_libraries(libraries: LibraryCatalogue, options: LibraryOptions, errors: list[str]) -> list[Library]:
    """Return the wanted libraries. `apscheduler` stands for every name that begins with `apscheduler_`."""
    known = libraries.libraries
    names: dict[str, None] = {}
    for word in split_names(options.name):
        matching = [name for name in known if name == word or name.startswith(f"{word}_")]
        if not matching:
            errors.append(f"no library {word}{nearby(word, known, 'stacks/libraries.toml')}")
        names |= dict.fromkeys(matching)
    wanted = [known[name] for name in names or known]
    if options.pin is not None and not errors:
        if len(wanted) != 1 or not wanted[0].packages:
            errors.append("PIN: name one library that is not of the standard library, with NAME=")
        elif not PIN.fullmatch(options.pin):
            errors.append(f"PIN: {options.pin} is no exact version; write it like {wanted[0].packages[0]}")
        else:
            wanted = [replace(wanted[0], packages=_with_pin(wanted[0].packages, options.pin))]
    return wanted


def _with_pin(packages: tuple[str, ...], pin: str) -> tuple[str, ...]:
    """Return the packages with another pin of the first one, and of those that have the same pin as it."""
    old = packages[0].partition("==")[2]
    pairs = [package.split("==") for package in packages]
    return tuple(f"{name}=={pin if own == old else own}" for name, own in pairs)


def _cell(
    catalogue: Catalogue, library: Library, mode: str, version: Version, numbers: LibraryPlan, trials: int | None
) -> Cell:
    stack = _stack(catalogue.stacks[MODES[mode]], library)
    # At some versions the stack itself hangs, whatever library runs in it.
    by_stack = catalogue.expected(stack, version)
    expected = min(library.expected[mode], by_stack, key=VERDICTS.index)
    also = tuple(library.also.get(mode, ())) if by_stack == RECOVERS else ()
    overrides: dict[str, Any] = {"sink": library.sink} if library.sink else {}
    if library.duration_s is not None:
        overrides["duration_s"] = library.duration_s
    if mode == LAZY_MODE:
        overrides["start_limit_s"] = limit_at_once_s(START_LIMIT_S, numbers.workers)
    if RECOVERS in also:
        overrides["respawns"] = numbers.rare_respawns
    usual_trials = numbers.trials if expected == RECOVERS else numbers.hang_trials
    return Cell(
        stack,
        version,
        expected,
        variant=library.name,
        overrides=overrides,
        trials=trials or usual_trials,
        causes=catalogue.causes(stack, version),
        also_expected=also,
    )


def _stack(stack: Stack, library: Library) -> Stack:
    return replace(stack, app=library.app, packages=library.packages)
