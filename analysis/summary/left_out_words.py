"""Says on the first screen of a report what the report left out. The reasons stand at its end."""

from __future__ import annotations

from collections.abc import Sized

from stacks.lifecycle.counted import counted


def left_out_line(runs: Sized, parts: Sized) -> str:
    """Return one sentence; '' if nothing was left out. `runs` could not be used, and `parts` are parts of files."""
    counts = [
        counted(len(runs), "run or campaign", "runs or campaigns") if runs else "",
        counted(len(parts), "damaged part of a file", "damaged parts of files") if parts else "",
    ]
    what = " and ".join(filter(None, counts))
    return f"This report leaves out {what}. The reasons stand at its end. No file was changed." if what else ""
