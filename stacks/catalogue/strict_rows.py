"""Checks that a row of a file has exactly the fields of a dataclass, and reads toml files in this strict way."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from stacks.catalogue.paths import ROOT
from stacks.catalogue.usage_error import UsageError


def has_right_fields(kind: type, where: str, row: dict[str, Any], errors: list[str]) -> bool:
    """Return True if `row` has every required field of the dataclass `kind`, and no unknown field.

    Otherwise append one line for each mistake to `errors`; `where` names the file and the section.
    """
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(row) - set(known))
    if unknown:
        errors.append(f"{where}: unknown key {', '.join(unknown)}; the keys are {', '.join(sorted(known))}")
    required = {name for name, f in known.items() if f.default is f.default_factory}
    missing = sorted(required - set(row))
    if missing:
        errors.append(f"{where}: missing key {', '.join(missing)}")
    return not unknown and not missing


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a toml file. Raise UsageError, which names it, if it cannot be read or is no toml."""
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: {error}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error}). Restore it.") from None


def read_strict(kind: type, path: Path) -> dict[str, Any]:
    """Return the content of a toml file that has exactly the fields of `kind`. Raise UsageError with every mistake."""
    row, errors = read_toml(path), list[str]()
    if not has_right_fields(kind, str(path.relative_to(ROOT)), row, errors):
        raise UsageError("\n".join(errors))
    return row
