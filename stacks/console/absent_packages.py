"""Lets packages look as if they were not installed, for packages that import them wherever they are.

pyarrow imports numpy and pandas if it can, and pandas imports pyarrow. Each of them takes a tenth of a second and some
megabytes of a process that needs none of it.
"""

from __future__ import annotations

import sys


def hide(*packages: str) -> None:
    """Let an import of these packages fail in this process with ModuleNotFoundError, unless it was imported before."""
    for package in packages:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]  # as the import system documents it
