"""Reads a uWSGI ini file into sections, and writes the effective configuration that a run starts with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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
