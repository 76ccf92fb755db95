"""Reads one stack from its ini file: the values of the [pack] section, each checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stacks.catalogue import triggers
from stacks.catalogue.ini import read_ini
from stacks.catalogue.paths import APPS, PACK_SECTION, ROOT, STACKS
from stacks.catalogue.stack import STACK_KINDS, Stack
from stacks.catalogue.strict_rows import has_right_fields

LISTS = ("meets", "packages", "programs", "files")
NUMBERS = ("workers", "respawns", "max_requests", "users", "duration_s", "initial")


def read_stack(path: Path, errors: list[str]) -> Stack | None:
    """Return the stack in the file `path`. Append each mistake to `errors`, and return None if no stack is left."""
    where = path.relative_to(ROOT)
    row: dict[str, Any] = dict(read_ini(path).get(PACK_SECTION, []))
    for name in LISTS:
        row[name] = tuple(filter(None, re.split(r"[,\s]+", row.get(name, ""))))
    for name in NUMBERS:
        if name in row:
            if not row[name].isdigit():
                errors.append(f"{where}: [pack] {name} = {row[name]} is not a number")
                return None
            row[name] = int(row[name])
    try:
        if "trigger" in row:
            row["trigger"] = triggers.parse(row["trigger"])
        check_specifiers(row)
    except (ValueError, InvalidSpecifier) as error:
        errors.append(f"{where}: [pack] {error}")
        return None
    if not has_right_fields(Stack, f"{where} [pack]", row | {"name": "", "path": ""}, errors):
        return None
    if row["kind"] not in STACK_KINDS:
        errors.append(f"{where}: [pack] kind = {row['kind']} is unknown; the kinds are {', '.join(STACK_KINDS)}")
    errors += [f"{where}: file {name} is not in stacks" for name in row["files"] if not (STACKS / name).is_file()]
    if not (APPS / row["app"]).is_file():
        errors.append(f"{where}: app {row['app']} is not in stacks/apps; the apps are {', '.join(app_names())}")
    return Stack(path.stem, path, **row)


def check_specifiers(row: dict[str, Any]) -> None:
    """Raise InvalidSpecifier if `python` or `pin` of the row is no version specifier."""
    SpecifierSet(row.get("python", "")), SpecifierSet(row.get("pin", ""))


def app_names() -> list[str]:
    """Return the file names of the apps in stacks/apps."""
    return sorted(path.name for path in APPS.glob("*.py"))
