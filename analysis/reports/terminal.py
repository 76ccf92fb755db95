"""The console that the tables are printed on, and the styles of its texts."""

from __future__ import annotations

import os
import sys
from typing import IO

from rich.console import Console

# Rich's style for each tone of `verdict_words.mark`.
STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "none": "dim"}
PIPED_WIDTH = 120  # a pipe has no width; logs of CI services show so many columns without wrapping


def console(file: IO[str] | None = None) -> Console:
    """A console on `file` (default: stdout): as wide as the terminal or COLUMNS say, else PIPED_WIDTH columns."""
    file = file or sys.stdout
    has_width = file.isatty() or "COLUMNS" in os.environ
    return Console(file=file, width=None if has_width else PIPED_WIDTH, highlight=False, emoji=False)
