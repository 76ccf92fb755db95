"""The sources of the pack as syntax trees, for the tests of the rules of the house."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("stacks", "analysis", "locustfiles")


def sources(*folders: str) -> list[Path]:
    """Return every Python file below these folders."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(module: ast.Module, package: str = "") -> set[str]:
    """Return every module that is imported anywhere in a file. `from a import b` counts as `a` and as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = f"{package}.{node.module or ''}".strip(".") if node.level else node.module or ""
            found |= {origin, *(f"{origin}.{name.name}" for name in node.names)}
    return found


def packages(module: ast.Module) -> set[str]:
    """Return the first name of every module that is imported."""
    return {name.split(".")[0] for name in imports(module)}


STDLIB = sys.stdlib_module_names
