"""Names the version of the pack on this host by its files, so that hosts with different packs do not work together."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from stacks.catalogue import ROOT

FOLDERS = ("stacks", "locustfiles")  # whatever takes part in a run


@cache
def pack_version(root: Path = ROOT) -> str:
    """Return the first letters of a SHA-256 over the Python files that take part in a run."""
    total = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"files {total.hexdigest()[:12]}"
