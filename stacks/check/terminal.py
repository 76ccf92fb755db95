"""Prints the lines of a check: in colour on a terminal, plain elsewhere and with NO_COLOR (https://no-color.org)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from stacks.check.measurement import Measurement

# The words that a reader looks for, with rich's styles. Every colour comes with a word that says the same.
STYLES = (
    (r"does NOT [a-z ]+|DO NOT come back|Does NOT [a-z ]+|WILL NOT come back|\bFAIL\b|OLD code", "bold red"),
    (r"\b[Tt]he workers come back|^Comes back|^Stops when asked|\bpass\b|^Nothing to change", "green"),
    (r"^Not measured|^Limit ", "yellow"),
    (r"^[A-Z][a-z ]+:", "bold"),
    (r"^    .*", "cyan"),  # lines to paste
)


def print_lines(lines: Sequence[str], stream: TextIO) -> None:
    """Print the lines on `stream`. Raise OSError."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        print("\n".join(lines), file=stream, flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, emoji=False, markup=False)
    for line in lines:
        text = Text(line)
        for pattern, style in STYLES:
            text.highlight_regex(pattern, style)
        console.print(text, soft_wrap=True)
    stream.flush()


def first_answer(run: Measurement, ways: int, seconds: float = 0.0) -> str:
    """Return what is known after the first run, while `ways` other ways are still to be taken.

    `seconds` is about how long they take, if that is long.
    """
    word = "the workers DO NOT come back" if run.is_hang else "the workers come back"
    time = f", in about {max(1, round(seconds / 60))} min" if seconds else ""
    return f"check: at max-requests {word} ({run.verdict}: {run.reason}); {ways} more way(s) to take{time}"
