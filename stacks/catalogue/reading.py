"""Reads the stacks, versions, defects, scenarios and the plan from their files, and reports every mistake at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stacks.catalogue import triggers
from stacks.catalogue.entries import KINDS, Catalogue, Defect, Package, Plan, Stack, UsageError, Version
from stacks.catalogue.ini import read_ini
from stacks.catalogue.paths import APPS, PACK_SECTION, ROOT, SCENARIOS, SHARED, STACKS
from stacks.lifecycle.verdict import VERDICTS


def _strict(kind: type, where: str, row: dict[str, Any], errors: list[str]) -> bool:
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(row) - set(known))
    if unknown:
        errors.append(f"{where}: unknown {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    required = {name for name, f in known.items() if f.default is f.default_factory}
    missing = sorted(required - set(row))
    if missing:
        errors.append(f"{where}: {', '.join(missing)} missing")
    return not unknown and not missing


def _stack(path: Path, errors: list[str]) -> Stack | None:
    where = path.relative_to(ROOT)
    row: dict[str, Any] = dict(read_ini(path).get(PACK_SECTION, []))
    for name in ("meets", "packages", "programs", "files"):
        row[name] = tuple(filter(None, re.split(r"[,\s]+", row.get(name, ""))))
    for name in ("workers", "respawns", "max_requests", "users", "duration_s", "initial"):
        if name in row:
            if not row[name].isdigit():
                errors.append(f"{where}: [pack] {name} = {row[name]}: not a number")
                return None
            row[name] = int(row[name])
    try:
        if "trigger" in row:
            row["trigger"] = triggers.parse(row["trigger"])
        SpecifierSet(row.get("python", "")), SpecifierSet(row.get("pin", ""))
    except (ValueError, InvalidSpecifier) as error:
        errors.append(f"{where}: [pack] {error}")
        return None
    if not _strict(Stack, f"{where} [pack]", row | {"name": "", "path": ""}, errors):
        return None
    if row["kind"] not in KINDS:
        errors.append(f"{where}: [pack] kind = {row['kind']}; there are {', '.join(KINDS)}")
    errors += [f"{where}: file {name} is not in stacks" for name in row["files"] if not (STACKS / name).is_file()]
    if not (APPS / row["app"]).is_file():
        errors.append(f"{where}: app {row['app']} is not in stacks/apps; there are {', '.join(app_names())}")
    return Stack(path.stem, path, **row)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.relative_to(ROOT)}: {error}") from None


def read_strict(kind: type, path: Path) -> dict[str, Any]:
    """A file that has the fields of `kind` and no others. Raises UsageError with every mistake."""
    row, errors = _toml(path), list[str]()
    if not _strict(kind, str(path.relative_to(ROOT)), row, errors):
        raise UsageError("\n".join(errors))
    return row


def app_names() -> list[str]:
    """The apps in stacks/apps."""
    return sorted(path.name for path in APPS.glob("*.py"))


def load() -> Catalogue:
    """Read every file. Raises UsageError with all mistakes, one a line."""
    errors: list[str] = []
    stacks = {
        path.stem: stack
        for path in sorted(STACKS.glob("*.ini"))
        if path.name not in SHARED and (stack := _stack(path, errors)) is not None
    }
    table = _toml(STACKS / "versions.toml")
    versions = {
        version.id: version
        for package, row in table.get("package", {}).items()
        if _strict(Package, f"stacks/versions.toml, package {package}", row, errors)
        for version in (Version(python, package, pin) for python in row["pythons"] for pin in row["pins"])
    }
    defects = {}
    for name, row in table.get("defect", {}).items():
        where = f"stacks/versions.toml, defect {name}"
        if not _strict(Defect, where, row | {"name": name}, errors):
            continue
        defects[name] = Defect(name=name, **(row | {"upstream": tuple(row["upstream"])}))
        if row["verdict"] not in VERDICTS:
            errors.append(f"{where}: verdict {row['verdict']}; there are {', '.join(VERDICTS)}")
        try:
            SpecifierSet(row.get("python", "")), SpecifierSet(row.get("pin", ""))
        except InvalidSpecifier as error:
            errors.append(f"{where}: {error}")
    scenarios = {path.stem: path for path in sorted(SCENARIOS.glob("*.py")) if not path.name.startswith("_")}
    for stack in stacks.values():
        if stack.scenario is not None and stack.scenario not in scenarios:
            errors.append(f"{stack.path.relative_to(ROOT)}: no scenario {stack.scenario}")
        unknown = sorted(set(stack.meets) - set(defects))
        errors += [f"{stack.path.relative_to(ROOT)}: meets {n}; there are {', '.join(defects)}" for n in unknown]
    row = _toml(STACKS / "loadtest.toml")
    if _strict(Plan, "stacks/loadtest.toml", row, errors):
        for stack_name, version_id in row["cells"]:
            if stack_name not in stacks or version_id not in versions:
                errors.append(f"stacks/loadtest.toml: no cell {stack_name} at {version_id}")
        errors += [f"stacks/loadtest.toml: matrix: no stack {name}" for name in row["matrix"] if name not in stacks]
    if errors:
        raise UsageError("\n".join(errors))
    plan = Plan(**(row | {"cells": tuple((s, v) for s, v in row["cells"]), "matrix": tuple(row["matrix"])}))
    return Catalogue(stacks, versions, defects, scenarios, plan)
