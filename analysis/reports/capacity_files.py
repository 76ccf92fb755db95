"""Writes a capacity plan as capacity.html, capacity.json and, where a browser can print it, capacity.pdf."""

from __future__ import annotations

import json
from pathlib import Path

from analysis.reports import capacity_page
from analysis.reports.capacity_json import as_json
from analysis.reports.capacity_plan import CapacityPlan
from analysis.reports.pdf import print_pdf
from analysis.summary.json_values import to_json_value
from stacks.lifecycle.text_files import replace_text

HTML, JSON, PDF = "capacity.html", "capacity.json", "capacity.pdf"


def write(plan: CapacityPlan, directory: Path) -> list[Path]:
    """Replace the files in `directory` and return the paths of those that were written. Raises OSError."""
    page, numbers = directory / HTML, directory / JSON
    replace_text(page, capacity_page.render(plan))
    replace_text(numbers, json.dumps(to_json_value(as_json(plan)), indent=1, allow_nan=False) + "\n")
    pdf = print_pdf(page, directory / PDF)
    return [page, numbers, *([pdf] if pdf else [])]
