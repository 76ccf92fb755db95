"""Reads libraries.toml: the libraries that `make libraries` measures below a fork. It reports every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.catalogue.paths import APPS, ROOT, STACKS
from stacks.catalogue.strict_rows import has_right_fields, read_toml
from stacks.catalogue.usage_error import UsageError
from stacks.lifecycle.verdict import VERDICTS

FILE = STACKS / "libraries.toml"
FOLDER = "libraries"  # of the apps, below stacks/apps
# The ways to run a library, and the stack of each.
MODES = {"preforking": "threads", "lazy-apps": "threads-lazy", "fork-hooks": "fork-hooks"}
SINKS = ("items", "server")  # the app sends an item in each request, or the library only needs a server that answers
EXACT_PIN = re.compile(r"[A-Za-z0-9._-]+==\d[0-9A-Za-z.+!]*")


@dataclass(frozen=True)
class Library:
    """A [library.NAME] table: a library that an app of the pack makes at import and uses in each request."""

    name: str
    packages: tuple[str, ...]  # exact pins that are installed beside the server
    expected: Mapping[str, str]  # mode -> verdict that was seen; a mode that is missing is not measured
    also: Mapping[str, Sequence[str]] = field(default_factory=dict)  # mode -> verdicts that some of its runs have
    sink: str = ""  # one of SINKS: what its app needs the local server for; '' if it needs none
    duration_s: float | None = None  # instead of that of the plan, where a request takes long
    modules: tuple[str, ...] = ()  # what the app imports, where the names differ from those of the packages

    @property
    def app(self) -> str:
        """The file of its app, below stacks/apps."""
        return f"{FOLDER}/{self.name}.py"


@dataclass(frozen=True)
class NativeLibrary:
    """A [native.NAME] table: a library whose harm is told in words, because its app would crash native code."""

    name: str
    package: str  # name and version
    used: str  # what the app did with it in the master
    seen: str  # what was seen, in a sentence
    on: str  # date
    source: str  # where the library's own documentation or code says so


@dataclass(frozen=True)
class LibraryPlan:
    """The [plan] table: how each library is measured."""

    version: str
    trials: int  # runs of a cell that recovers
    hang_trials: int  # runs of a cell that hangs, or hangs rarely
    scenario: str
    users: int
    workers: int
    max_requests: int
    duration_s: float
    respawns: int
    rare_respawns: int  # of each run of a cell that hangs rarely


@dataclass(frozen=True)
class LibraryCatalogue:
    """The content of libraries.toml."""

    plan: LibraryPlan
    libraries: dict[str, Library] = field(default_factory=dict)
    natives: dict[str, NativeLibrary] = field(default_factory=dict)


def app_names() -> list[str]:
    """Return the names of the libraries that have an app."""
    return sorted(path.stem for path in (APPS / FOLDER).glob("*.py"))


def load_libraries(path: Path = FILE) -> LibraryCatalogue:
    """Read the file. Raise UsageError with all mistakes, one a line."""
    where, table, errors = str(path.relative_to(ROOT)), read_toml(path), list[str]()
    known = {"plan", "library", "native"}
    if unknown := sorted(set(table) - known):
        errors.append(f"{where}: unknown key {', '.join(unknown)}; the keys are {', '.join(sorted(known))}")
    plan = table.get("plan", {})
    has_right_fields(LibraryPlan, f"{where}, plan", plan, errors)
    libraries = _read_libraries(where, table.get("library", {}), errors)
    natives = {
        name: NativeLibrary(name, **row)
        for name, row in table.get("native", {}).items()
        if has_right_fields(NativeLibrary, f"{where}, native {name}", row | {"name": name}, errors)
    }
    rows, apps = set(table.get("library", {})), set(app_names())
    errors += [f"{where}: library {name} has no app stacks/apps/{FOLDER}/{name}.py" for name in sorted(rows - apps)]
    errors += [f"{where}: the app stacks/apps/{FOLDER}/{name}.py has no row" for name in sorted(apps - rows)]
    if errors:
        raise UsageError("\n".join(errors))
    return LibraryCatalogue(LibraryPlan(**plan), libraries, natives)


def _read_libraries(where: str, table: dict[str, Any], errors: list[str]) -> dict[str, Library]:
    libraries = {}
    for name, row in table.items():
        place = f"{where}, library {name}"
        if not has_right_fields(Library, place, row | {"name": name}, errors):
            continue
        lists = {key: tuple(row[key]) for key in ("packages", "modules") if key in row}
        libraries[name] = library = Library(name=name, **(row | lists))
        errors += [f"{place}: {text}" for text in _mistakes(library)]
    return libraries


def _mistakes(library: Library) -> list[str]:
    """Return what is wrong with the values of a row."""
    also = [verdict for verdicts in library.also.values() for verdict in verdicts]
    texts = [
        f"package {package} is no exact pin such as name==1.2"
        for package in library.packages
        if not EXACT_PIN.fullmatch(package)
    ]
    texts += [
        f"mode {mode} is unknown; the modes are {', '.join(MODES)}"
        for mode in sorted({*library.expected, *library.also} - set(MODES))
    ]
    texts += [
        f"verdict {verdict} is unknown; the verdicts are {', '.join(VERDICTS)}"
        for verdict in sorted({*library.expected.values(), *also} - set(VERDICTS))
    ]
    if library.sink and library.sink not in SINKS:
        texts.append(f"sink {library.sink} is unknown; the values are {', '.join(SINKS)}")
    return texts
