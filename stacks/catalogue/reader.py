"""Reads the catalogue from its files: stacks, versions, defects, scenarios and the plan. It reports every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier

from stacks.catalogue.catalogue import Catalogue, Plan
from stacks.catalogue.defect import Defect
from stacks.catalogue.paths import ROOT, SCENARIOS, SHARED, STACKS
from stacks.catalogue.stack import Stack
from stacks.catalogue.stack_reader import check_specifiers, read_stack
from stacks.catalogue.strict_rows import has_right_fields, read_toml
from stacks.catalogue.usage_error import UsageError
from stacks.catalogue.version import Package, Version
from stacks.lifecycle.verdict import VERDICTS


def load() -> Catalogue:
    """Read every file. Raise UsageError with all mistakes, one a line."""
    errors: list[str] = []
    stacks = {
        path.stem: stack
        for path in sorted(STACKS.glob("*.ini"))
        if path.name not in SHARED and (stack := read_stack(path, errors)) is not None
    }
    table = read_toml(STACKS / "versions.toml")
    versions = _read_versions(table.get("package", {}), errors)
    defects = _read_defects(table.get("defect", {}), errors)
    scenarios = {path.stem: path for path in sorted(SCENARIOS.glob("*.py")) if not path.name.startswith("_")}
    for stack in stacks.values():
        _check_names(stack, defects, scenarios, errors)
    row = read_toml(STACKS / "loadtest.toml")
    _check_plan(row, stacks, versions, errors)
    if errors:
        raise UsageError("\n".join(errors))
    lists = {name: tuple(row.get(name, ())) for name in ("matrix", "alone")}
    plan = Plan(**(row | {"cells": tuple((s, v) for s, v in row["cells"])} | lists))
    return Catalogue(stacks, versions, defects, scenarios, plan)


def _read_versions(table: dict[str, Any], errors: list[str]) -> dict[str, Version]:
    return {
        version.id: version
        for package, row in table.items()
        if has_right_fields(Package, f"stacks/versions.toml, package {package}", row, errors)
        for version in (Version(python, package, pin) for python in row["pythons"] for pin in row["pins"])
    }


def _read_defects(table: dict[str, Any], errors: list[str]) -> dict[str, Defect]:
    defects = {}
    for name, row in table.items():
        where = f"stacks/versions.toml, defect {name}"
        if not has_right_fields(Defect, where, row | {"name": name}, errors):
            continue
        defects[name] = Defect(name=name, **(row | {"upstream": tuple(row["upstream"])}))
        if row["verdict"] not in VERDICTS:
            errors.append(f"{where}: verdict {row['verdict']} is unknown; the verdicts are {', '.join(VERDICTS)}")
        try:
            check_specifiers(row)
        except InvalidSpecifier as error:
            errors.append(f"{where}: {error}")
    return defects


def _check_names(stack: Stack, defects: dict[str, Defect], scenarios: dict[str, Path], errors: list[str]) -> None:
    """Append an error for each scenario and defect that the stack names and that does not exist."""
    where = stack.path.relative_to(ROOT)
    if stack.scenario is not None and stack.scenario not in scenarios:
        errors.append(f"{where}: there is no scenario {stack.scenario}")
    unknown = sorted(set(stack.meets) - set(defects))
    errors += [f"{where}: meets {name} is unknown; the defects are {', '.join(defects)}" for name in unknown]


def _check_plan(row: dict[str, Any], stacks: dict[str, Stack], versions: dict[str, Version], errors: list[str]) -> None:
    """Append an error for each wrong field of loadtest.toml, and for each cell and stack that does not exist."""
    if not has_right_fields(Plan, "stacks/loadtest.toml", row, errors):
        return
    for stack_name, version_id in row["cells"]:
        if stack_name not in stacks or version_id not in versions:
            errors.append(f"stacks/loadtest.toml: there is no cell {stack_name} at {version_id}")
    errors += [
        f"stacks/loadtest.toml: {key}: there is no stack {name}"
        for key in ("matrix", "alone")
        for name in row.get(key, ())
        if name not in stacks
    ]
