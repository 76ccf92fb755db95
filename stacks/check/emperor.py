"""Finds the vassals of an emperor, and how it starts each of them: the emperor's configuration in, invocations out.

An emperor serves no requests. It starts one uWSGI for each configuration in its folders and globs (core/emperor.c).
"""

from __future__ import annotations

import glob
import grp
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.check.invocation import Invocation
from stacks.check.options import Options, is_set, last_value

# The option that reads a vassal, by the suffix of its file (vassal_new_argv). Other files are no vassals.
LOADERS = {".xml": "xml", ".ini": "ini", ".yml": "yaml", ".yaml": "yaml", ".js": "json", ".json": "json"}
# The options of the emperor that become options of each vassal, before and after its own file.
BEFORE = (("vassals-inherit-before", "inherit"), ("vassals-include-before", "include"))
SET = (("vassals-set", "set"), ("vassal-set", "set"))
AFTER = (("vassals-inherit", "inherit"), ("vassals-include", "include"))
EXTENSIONS = ("emperor-extra-extension", "emperor-extra-ext")
ON_DEMAND_EXTENSIONS = ("emperor-on-demand-extension", "emperor-on-demand-ext")
ON_DEMAND_DIRECTORIES = ("emperor-on-demand-directory", "emperor-on-demand-dir")
TO_VASSAL = "UWSGI_VASSAL_"  # UWSGI_VASSAL_X of the emperor is UWSGI_X of a vassal


@dataclass(frozen=True)
class Vassal:
    """A configuration that the emperor starts, or the reason why it cannot be checked."""

    name: str
    invocation: Invocation | None = None
    why_not: str = ""
    owner: str = ""  # the user that a tyrant starts it as
    file: Path | None = None


def is_emperor(options: Options) -> bool:
    """Return True if the configuration has an emperor."""
    return any(key == "emperor" for key, _ in options)


def find_vassals(options: Options, emperor: Invocation) -> list[Vassal]:
    """Return the vassals of the emperor with these effective options, in its order and sorted by name."""
    found: dict[Path, Vassal] = {}
    for key, value in options:
        if key != "emperor":
            continue
        scheme, separator, rest = value.partition("://")
        if separator and scheme not in ("dir", "glob"):
            name = Path(value)
            found[name] = Vassal(value, why_not="the check finds vassals in folders and globs only")
            continue
        for directory, file in _files(scheme if separator else "", rest if separator else value, options, emperor):
            found.setdefault(directory / file, _vassal(directory, file, options, emperor))
    return list(found.values())


def _files(scheme: str, value: str, options: Options, emperor: Invocation) -> Iterator[tuple[Path, str]]:
    """Yield the working directory of each vassal, and its name from there."""
    start = emperor.directory  # a glob counts from where the emperor was started, and a folder from its chdir
    matches = sorted(glob.glob(value, root_dir=start))  # noqa: PTH207 - it may begin with /
    is_folder = len(matches) == 1 and (start / matches[0]).is_dir()
    if scheme == "dir" or (scheme == "" and is_folder):
        folder = start / last_value(options, "chdir") / value
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        folder = Path(os.path.realpath(folder))
    else:
        folder, names = start, matches
    yield from ((folder, name) for name in names if _loader(name, options) and (folder / name).is_file())


def _loader(name: str, options: Options) -> str:
    """Return the option that reads a file with this name, or '' if the file is no vassal."""
    if name.endswith(tuple(value for key, value in options if key in EXTENSIONS)):
        return "config"
    return LOADERS.get(Path(name).suffix, "")


def _vassal(directory: Path, name: str, options: Options, emperor: Invocation) -> Vassal:
    path = directory / name
    label = os.path.relpath(path, emperor.directory)
    label = label if not label.startswith("..") else str(path)
    owner = ""
    if is_set(options, "emperor-tyrant"):
        status = path.lstat() if is_set(options, "emperor-tyrant-nofollow") else path.stat()
        if 0 in (status.st_uid, status.st_gid):
            why = "its file belongs to root, and a tyrant does not start it: change the owner of the file"
            return Vassal(label, why_not=why)
        owner = f"{_name_of(status.st_uid, status.st_gid)}"
    if not os.access(path, os.R_OK):
        return Vassal(label, why_not="this user may not read it: run the check as a user who may")
    arguments = [
        *("--master",),  # a vassal always has a master (uwsgi_check_emperor)
        *_passed_on(BEFORE, options),
        *_passed_on(SET, options),
        *(f"--{_loader(name, options)}", _as_program(path, name, options)),
        *_passed_on(AFTER, options),
        *_on_demand(path, name, options),
    ]
    invocation = Invocation(emperor.uwsgi, None, tuple(arguments), _environment(emperor.environment), directory)
    return Vassal(label, invocation, owner=owner, file=path)


def _passed_on(pairs: tuple[tuple[str, str], ...], options: Options) -> list[str]:
    names = dict(pairs)
    return [word for key, value in options if key in names for word in (f"--{names[key]}", value)]


def _as_program(path: Path, name: str, options: Options) -> str:
    is_program = is_set(options, "emperor-magic-exec") and os.access(path, os.X_OK)
    return f"exec://{name}" if is_program else name


def _on_demand(path: Path, name: str, options: Options) -> list[str]:
    """Return the option for the socket that the emperor passes to a vassal that it starts at the first connection."""
    if extension := last_value(options, *ON_DEMAND_EXTENSIONS):
        file = path.with_name(path.name + extension)
        address = file.read_text(errors="replace").splitlines()[:1] if file.is_file() else []
        return ["--socket", address[0]] if address and address[0] else []
    if folder := last_value(options, *ON_DEMAND_DIRECTORIES):
        return ["--socket", f"{folder}/{Path(name).stem}.socket"]
    if last_value(options, "emperor-on-demand-exec"):
        return ["--socket", f"{Path(name).stem}.socket"]  # any address will do: the check replaces it
    return []


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a vassal (uwsgi_emperor_spawn_vassal)."""
    kept = {k: v for k, v in environment.items() if k not in ("UWSGI_RELOADS", "NOTIFY_SOCKET")}
    passed = {f"UWSGI_{k.removeprefix(TO_VASSAL)}": v for k, v in kept.items() if k.startswith(TO_VASSAL)}
    return {k: v for k, v in kept.items() if not k.startswith(TO_VASSAL)} | passed


def _name_of(uid: int, gid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name}:{grp.getgrgid(gid).gr_name}"
    except KeyError:
        return f"{uid}:{gid}"
