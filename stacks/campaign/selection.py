"""Turns the names of the command line into cells of the catalogue, and collects an error for every wrong name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stacks.catalogue import Catalogue, nearby, similar

LISTING = "`python -m stacks list`"


def split_names(text: str | None) -> list[str]:
    """Split a list of names at commas, spaces, or both."""
    return (text or "").replace(",", " ").split()


def select_stacks(text: str | None, catalogue: Catalogue, errors: list[str]) -> list[str]:
    """Return the names of the wanted stacks; none if `text` names none."""
    names, stacks = split_names(text), catalogue.stacks
    unknown = [name for name in names if name not in stacks]
    errors += [f"no stack {name}{nearby(name, stacks, LISTING)}" for name in unknown]
    return names


def select_versions(text: str | None, catalogue: Catalogue, errors: list[str]) -> list[str]:
    """Return the ids of the wanted versions; none if `text` names none.

    A pin or a Python stands for the versions of the plan that have it; if the plan has none of them, for every one.
    """
    planned = {version for _, version in catalogue.plan.cells}
    wheels = [version for version in catalogue.versions.values() if version.package == "pyuwsgi"]
    ids: list[str] = []
    for name in split_names(text):
        matching = [version.id for version in wheels if name in (version.pin, version.python)]
        matching = [version for version in matching if version in planned] or matching
        if not matching and name not in catalogue.versions:
            pins, pythons = (list(dict.fromkeys(getattr(v, part) for v in wheels)) for part in ("pin", "python"))
            errors.append(
                f"no version {name}{similar(name, [*pins, *catalogue.versions])}; there are ids such as {wheels[0].id} "
                f"({LISTING}), pins ({', '.join(pins)}) and Pythons ({', '.join(pythons)})"
            )
        ids += matching or [name]
    return ids


def explain_versions(text: str | None, catalogue: Catalogue) -> list[str]:
    """Return a sentence for each pin or Python in `text` that stands for several versions: which they are, and why."""
    planned = {version for _, version in catalogue.plan.cells}
    sentences = []
    for name in split_names(text):
        ids = select_versions(name, catalogue, [])
        if len(ids) > 1:
            source = "the default plan (stacks/loadtest.toml)" if planned >= set(ids) else "stacks/versions.toml"
            part = "the Python" if name in {catalogue.versions[version].python for version in ids} else "the pin"
            sentences.append(
                f"{name} is {part} of {len(ids)} versions in {source}, and all of them run: {', '.join(ids)}. "
                f"Name an id, such as {ids[-1]}, to run one."
            )
    return sentences


def select_scenario(name: str, catalogue: Catalogue, errors: list[str]) -> Path:
    """Return the locustfile of a scenario, given by its name or by its path."""
    if name in catalogue.scenarios:
        return catalogue.scenarios[name]
    path = Path(name).expanduser()
    if path.suffix == ".py" and path.is_file():
        return path.resolve()
    errors.append(f"no scenario {name}{nearby(name, catalogue.scenarios, LISTING)}; or name the path of a locustfile")
    return path


def select_pairs(default: Iterable[tuple[str, str]], stacks: list[str], versions: list[str]) -> list[tuple[str, str]]:
    """Return the wanted pairs of stack and version, each once.

    With both stacks and versions: every combination. With one of both: the default pairs that have it; a name that no
    default pair has is combined with all that the default pairs have of the other. With none: the default pairs.
    """
    default = list(default)
    if stacks and versions:
        pairs = [(stack, version) for stack in stacks for version in versions]
    elif stacks:
        others = [stack for stack in stacks if stack not in {pair[0] for pair in default}]
        pairs = [pair for pair in default if pair[0] in stacks]
        pairs += [(stack, version) for stack in others for version in dict.fromkeys(pair[1] for pair in default)]
    elif versions:
        others = [version for version in versions if version not in {pair[1] for pair in default}]
        pairs = [pair for pair in default if pair[1] in versions]
        pairs += [(stack, version) for version in others for stack in dict.fromkeys(pair[0] for pair in default)]
    else:
        pairs = default
    return list(dict.fromkeys(pairs))
