"""Lists the files that may be a given Python, in the order to try them. It runs none of them.

A version such as "3.13t" is a free-threaded build, which runs without a GIL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FREE_THREADED = "t"  # at the end of a version: CPython calls its program python3.13t
# The places of `Places.usual`, for an error message.
PLACES_IN_WORDS = "PATH, the versions of pyenv, asdf, mise, uv and conda, /usr, /usr/local and /opt"


@dataclass(frozen=True, slots=True)
class Places:
    """The directories in which interpreters are looked for, in this order."""

    path: tuple[Path, ...]  # hold python3.12 itself
    versions: tuple[Path, ...]  # hold 3.12.1/bin/python3.12: pyenv, asdf, mise
    managed: tuple[Path, ...]  # hold cpython-3.12.1-linux-x86_64-gnu/bin/python3.12: uv
    prefixes: tuple[Path, ...]  # hold bin/python3.12, or anything/bin/python3.12 one level down
    running: Path  # the interpreter that runs this code

    @classmethod
    def usual(cls, environ: Mapping[str, str], home: Path, running: Path) -> Places:
        """Return the places where people keep interpreters: for each tool its own variable first, then its default."""
        data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
        versions = [Path(environ["PYENV_ROOT"]) / "versions"] if environ.get("PYENV_ROOT") else []
        versions += [home / ".pyenv/versions", home / ".asdf/installs/python", data / "mise/installs/python"]
        managed = [Path(environ["UV_PYTHON_INSTALL_DIR"])] if environ.get("UV_PYTHON_INSTALL_DIR") else []
        conda = [home / name for name in ("miniconda3", "miniforge3", "anaconda3")]
        return cls(
            path=tuple(Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry),
            versions=tuple(dict.fromkeys(versions)),
            managed=(*managed, data / "uv/python"),
            prefixes=(
                *map(Path, ("/usr", "/usr/local", "/opt", "/opt/python")),
                *conda,
                *(root / "envs" for root in conda),
            ),
            running=running,
        )


def newest_first(name: str) -> tuple[bool, int]:
    """Return the sort key of a version directory: releases before pre-releases, then the highest patch first."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?([^-]*)", name)
    return (True, 0) if match is None else (bool(match[4]), -int(match[3] or 0))


def candidates(python: str, places: Places) -> Iterator[Path]:
    """Yield each executable file in `places` that has the name of Python `python` (such as "3.12"), each file once."""
    seen: set[Path] = set()
    for path in _possible_paths(python, places):
        # os.access, because it answers no where Path.is_file raises: below a directory closed to this user.
        if path not in seen and os.access(path, os.X_OK, effective_ids=True) and not path.is_dir():
            seen.add(path)
            yield path


def _possible_paths(python: str, places: Places) -> Iterator[Path]:
    numbers, names = python.removesuffix(FREE_THREADED), _names(python)
    yield from (directory / name for directory in places.path for name in names)
    for pattern, roots in ((f"{numbers}*", places.versions), (f"cpython-{numbers}*", places.managed)):
        for root in roots:
            for version in sorted(root.glob(pattern), key=lambda path: newest_first(path.name)):
                yield from (version / "bin" / name for name in names)
    for prefix in places.prefixes:
        for name in names:
            yield prefix / "bin" / name
            yield from sorted(prefix.glob(f"*/bin/{name}"))
    yield places.running


def _names(python: str) -> tuple[str, ...]:
    """Return what the program is called. Ubuntu's PPA deadsnakes has another name for a build without a GIL."""
    if not python.endswith(FREE_THREADED):
        return (f"python{python}",)
    return (f"python{python}", f"python{python.removesuffix(FREE_THREADED)}-nogil")
