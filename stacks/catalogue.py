"""The stacks, versions, apps and scenarios there are, read from their files; every mistake in them at once."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stacks import triggers
from stacks.triggers import Trigger
from stacks.verdict import VERDICTS

ROOT = Path(__file__).resolve().parent.parent
STACKS = ROOT / "stacks"
APPS = STACKS / "apps"
SCENARIOS = ROOT / "locustfiles"
SHARED = ("common.ini", "base.ini")  # included by stacks, and none themselves
PACK_SECTION = "pack"
# What a stack is about, in the order of stacks/README.md.
KINDS = {
    "recycle": "What makes workers recycle",
    "mode": "Ways to run, at the usual recycle",
    "deadlock": "The deadlocks, and what is said to cure them",
    "failure": "Other ways not to come back",
    "control": "Controls: slow, costly or confusing, and never to be called hung",
}


class UsageError(Exception):
    """A wrong name or value; the text lists the right ones."""


@dataclass(frozen=True)
class Defect:
    """Something that is known to be wrong with some versions, and the verdict that shows it."""

    name: str
    what: str
    verdict: str
    sees: str  # what a load test must see
    remedy: str
    upstream: tuple[str, ...]
    package: str = ""  # '' is every package
    always: bool = False  # every stack meets it, and nothing else can show beside it
    python: str = ""  # specifiers; '' is every version
    pin: str = ""

    def affects(self, version: Version) -> bool:
        """Whether `version` has it."""
        return self.package in ("", version.package) and matches(self, version)


class Range(Protocol):
    """What has specifiers of the versions that it concerns."""

    @property
    def python(self) -> str: ...
    @property
    def pin(self) -> str: ...


def matches(range_: Range, version: Version) -> bool:
    """Whether `version` is in it."""
    return SpecifierSet(range_.python).contains(version.python) and SpecifierSet(range_.pin).contains(version.pin)


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
    kind: str  # one of KINDS
    what: str
    app: str
    meets: tuple[str, ...] = ()
    sees: str = ""  # what a load test sees at every version, healthy ones included
    workers: int | None = None  # instead of the plan's
    respawns: int | None = None
    max_requests: int | None = None
    users: int | None = None
    duration_s: int | None = None
    initial: int | None = None  # workers of the first generation, where these are fewer
    scenario: str | None = None
    trigger: Trigger | None = None
    packages: tuple[str, ...] = ()  # that must be beside uWSGI, exact pins
    programs: tuple[str, ...] = ()  # that must be on PATH
    files: tuple[str, ...] = ()  # of this folder, which it finds filled in in $(PACK_RUN)
    python: str = ""  # specifiers: where it can run at all
    pin: str = ""

    def objection(self, version: Version) -> str:
        """Why it cannot be tested at `version` here, or ''."""
        if not matches(self, version):
            needs = [f"Python {self.python}" * bool(self.python), f"uWSGI {self.pin}" * bool(self.pin)]
            return f"it needs {' and '.join(filter(None, needs))}."
        missing = [program for program in self.programs if shutil.which(program) is None]
        return f"{', '.join(missing)} is not installed." if missing else ""


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
        return next((cause.verdict for cause in self.causes(stack, version)), "recovers")

    def causes(self, stack: Stack, version: Version) -> tuple[Defect, ...]:
        """The defects behind that verdict, the severest of those that it meets."""
        found = self.met(stack, version)
        verdicts = {d.verdict for d in found if d.always} or {d.verdict for d in found}
        verdict = min(verdicts, key=VERDICTS.index, default=None)
        return tuple(defect for defect in found if defect.verdict == verdict)

    def met(self, stack: Stack, version: Version) -> list[Defect]:
        """The defects that a run of `stack` at `version` meets."""
        return [d for d in self.defects.values() if (d.always or d.name in stack.meets) and d.affects(version)]


def similar(name: str, known: Iterable[str]) -> str:
    """A hint at one that begins like `name` or is spelled almost like it, or ''."""
    known = list(known)
    longer = sorted((other for other in known if other.startswith(name)), key=len)
    close = longer or get_close_matches(name, known, 1, 0.8)
    return f" (did you mean {close[0]}?)" if close else ""


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


def effective_ini(path: Path, environment: dict[str, str], options: Mapping[str, Any] | None = None) -> str:
    """The text of `path` with its `ini = %dFILE` includes and `$(NAME)` placeholders filled in.

    Each of `options` stands in place of what the file says of it; one that is a list is added to it, a line each.
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
    kept = [line for line in lines(path) if isinstance(said.get(line.partition(" = ")[0], []), list)]
    more = [f"{key} = {one}" for key, value in said.items() for one in (value if isinstance(value, list) else [value])]
    return fill("\n".join(["[uwsgi]", *kept, *more, ""]), environment)


def fill(text: str, environment: dict[str, str]) -> str:
    """`text` with its `$(NAME)` placeholders filled in."""
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
