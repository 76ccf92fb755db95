"""Reads a uWSGI ini file into sections, and builds the text of the effective configuration that a run starts with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_ini(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of a uWSGI ini file. A section is a list of (key, value), because keys may repeat.

    As in uWSGI, a section may be continued later, and `#` and `;` begin comment lines (core/ini.c).
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
    """Return the text of `path` with its `ini = %dFILE` includes and `$(NAME)` placeholders filled in.

    Each of `options` replaces the lines of the file with the same key. An option whose value is a list replaces
    nothing, and adds one line for each item.
    """
    options = options or {}
    kept = [f"{key} = {value}" for key, value in _included_pairs(path) if isinstance(options.get(key, []), list)]
    added = [
        f"{key} = {item}" for key, value in options.items() for item in (value if isinstance(value, list) else [value])
    ]
    return fill("\n".join(["[uwsgi]", *kept, *added, ""]), environment)


def fill(text: str, environment: dict[str, str]) -> str:
    """Return `text` with its `$(NAME)` placeholders filled in. An unknown placeholder stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1], match[0]), text)


def _included_pairs(path: Path) -> list[tuple[str, str]]:
    """Return the (key, value) pairs of the [uwsgi] section, with those of each included file in its place."""
    pairs: list[tuple[str, str]] = []
    for key, value in read_ini(path).get("uwsgi", []):
        if key == "ini":
            pairs += _included_pairs(Path(value.replace("%d", f"{path.parent}/")))
        else:
            pairs.append((key, value))
    return pairs


def leading_number(text: str) -> int:
    """Return the number at the beginning of a value, as uWSGI reads it (atoi), or 0 if there is none.

    Anything may follow the number, such as a comment: `processes = 3 ; three` starts three workers. A number that is
    negative, or longer than a C int, counts as none.
    """
    match = re.match(r"\s*([0-9]{1,10})(?![0-9])", text)
    return int(match[1]) if match else 0
