"""Writes the comparison of two results beside the second one: compare.json for programs, compare.html for people."""

from __future__ import annotations

from pathlib import Path

from analysis.reports.comparison import TwoResults
from analysis.reports.comparison_text import page
from analysis.summary.json_values import to_json_value
from stacks.lifecycle.records import SCHEMA, write_json
from stacks.lifecycle.text_files import replace_text

JSON_FILE, PAGE_FILE = "compare.json", "compare.html"


def write(results: TwoResults, output: Path | None) -> Path:
    """Write both files and return the path of the page. `output` is the directory (default: B). Raises OSError."""
    after = Path(results.after if Path(results.after).exists() else results.after.rpartition("@")[0])
    directory = output or (after if after.is_dir() else after.parent)
    write_json(directory / JSON_FILE, to_json_value(results.as_json(SCHEMA)))
    replace_text(directory / PAGE_FILE, page(results))
    return directory / PAGE_FILE
