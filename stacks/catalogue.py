"""The stacks, versions, apps and scenarios there are, read from their files; every mistake in them at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stacks.lifecycle import VERDICTS

ROOT = Path(__file__).resolve().parent.parent
STACKS = ROOT / "stacks"
APPS = STACKS / "apps"
SCENARIOS = ROOT / "locustfiles"
BASE = "base.ini"
PACK_SECTION = "pack"


class UsageError(Exception):
    """A wrong name or value; the text lists the right ones."""


@dataclass(frozen=True)
class Defect:
    """Something that is known to be wrong with some versions, and the verdict that shows it."""

    name: str
    what: str
    verdict: str
    remedy: str
    upstream: tuple[str, ...]
    package: str = ""  # '' is every package
    python: str = ""  # specifiers; '' is every version
    pin: str = ""

    def affects(self, version: Version) -> bool:
        """Whether `version` has it."""
        if self.package not in ("", version.package):
            return False
        return SpecifierSet(self.python).contains(version.python) and SpecifierSet(self.pin).contains(version.pin)


@dataclass(frozen=True)
class Version:
    """One point of the version axis: a Python, a server package and its exact pin."""

    python: str
    package: str
    pin: str

    @property
    def id(self) -> str:
        """py312-2.0.26; py312-uwsgi-2.0.26 for another package than pyuwsgi."""
        package = "" if self.package == "pyuwsgi" else f"{self.package}-"
        return f"py{self.python.replace('.', '')}-{package}{self.pin}"


@dataclass(frozen=True)
class Package:
    """A server package and the two axes of its versions."""

    pythons: list[str]
    pins: list[str]


@dataclass(frozen=True)
class Stack:
    """One uWSGI configuration and what its [pack] section says of it."""

    name: str
    path: Path
    what: str
    app: str
    meets: tuple[str, ...] = ()
    workers: int | None = None  # instead of the plan's
    respawns: int | None = None


@dataclass(frozen=True)
class Plan:
    """How a campaign hammers: `loadtest.toml`, and what the command line changes of it."""

    trials: int
    seed: int
    scenario: str
    users: int
    duration_s: float
    workers: int
    max_requests: int
    respawns: int
    cells: tuple[tuple[str, str], ...]
    matrix: tuple[str, ...]  # the stacks that `make matrix` takes to every version


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be named."""

    stacks: dict[str, Stack]
    versions: dict[str, Version]
    defects: dict[str, Defect]
    scenarios: dict[str, Path]
    plan: Plan

    def expected(self, stack: Stack, version: Version) -> str:
        """The verdict that a run of `stack` at `version` should come to."""
        verdicts = {d.verdict for name in stack.meets if (d := self.defects[name]).affects(version)}
        return min(verdicts, key=VERDICTS.index, default="recovers")


def read_ini(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Sections of a uWSGI ini file, each a list of (key, value), since keys may repeat.

    A section may come back, and `#` and `;` begin comment lines (core/ini.c).
    """
    sections: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and "]" in line:
            current = sections.setdefault(line[1 : line.index("]")], [])
        else:
            key, _, value = line.partition("=")
            current.append((key.strip(), value.strip()))
    return sections


def effective_ini(path: Path, environment: dict[str, str], options: Mapping[str, int] | None = None) -> str:
    """The text of `path` with its `ini = %dFILE` includes and `$(NAME)` placeholders filled in.

    Each of `options` stands in place of what the file says of it.
    """

    def lines(source: Path) -> list[str]:
        found: list[str] = []
        for key, value in read_ini(source).get("uwsgi", []):
            if key == "ini":
                found += lines(Path(value.replace("%d", f"{source.parent}/")))
            else:
                found.append(f"{key} = {value}")
        return found

    said = options or {}
    kept = [line for line in lines(path) if line.partition(" = ")[0] not in said]
    text = "\n".join(["[uwsgi]", *kept, *(f"{key} = {value}" for key, value in said.items()), ""])
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1], match[0]), text)


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
    row["meets"] = tuple(filter(None, re.split(r"[,\s]+", row.get("meets", ""))))
    for name in ("workers", "respawns"):
        if name in row:
            if not row[name].isdigit():
                errors.append(f"{where}: [pack] {name} = {row[name]}: not a number")
                return None
            row[name] = int(row[name])
    if not _strict(Stack, f"{where} [pack]", row | {"name": "", "path": ""}, errors):
        return None
    if not (APPS / row["app"]).is_file():
        errors.append(f"{where}: app {row['app']} is not in stacks/apps; there are {', '.join(app_names())}")
    return Stack(path.stem, path, **row)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.relative_to(ROOT)}: {error}") from None


def app_names() -> list[str]:
    """The apps in stacks/apps."""
    return sorted(path.name for path in APPS.glob("*.py"))


def load() -> Catalogue:
    """Read every file. Raises UsageError with all mistakes, one a line."""
    errors: list[str] = []
    stacks = {
        path.stem: stack
        for path in sorted(STACKS.glob("*.ini"))
        if path.name != BASE and (stack := _stack(path, errors)) is not None
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
    for stack in stacks.values():
        unknown = sorted(set(stack.meets) - set(defects))
        errors += [f"{stack.path.relative_to(ROOT)}: meets {n}; there are {', '.join(defects)}" for n in unknown]
    scenarios = {path.stem: path for path in sorted(SCENARIOS.glob("*.py")) if not path.name.startswith("_")}
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
