"""The page of the file contract: it is made from the schemas, it is up to date, and it names every field."""

from __future__ import annotations

import re

from analysis.reports import files_page
from stacks.lifecycle import records

TEXT = files_page.PAGE.read_text()


def test_the_page_is_up_to_date() -> None:
    assert files_page.page() == TEXT, "python -m analysis.reports.files_page --write"


def test_every_file_has_a_section() -> None:
    names = {path.name.removesuffix(".schema.json") for path in files_page.SCHEMAS.glob("*.json")}
    assert set(files_page.ORDER) == names
    for file in (records.RUN_FILE, records.EVENTS_FILE, records.REQUESTS_FILE, records.SAMPLES_FILE):
        assert f"\n## {file}\n" in TEXT
    for file in (records.CAMPAIGN_FILE, records.SUMMARY_FILE, "check.json", "capacity.json"):
        assert f"\n## {file}\n" in TEXT


def test_every_column_and_every_inner_field_is_in_a_table() -> None:
    for column in (*records.REQUEST_COLUMNS, *records.SAMPLE_COLUMNS):
        assert f"| `{column}` |" in TEXT
    for field in ("plan.attached.pid", "tried[].signal", "cells[].causes", "measured.limits.RUN_KEY.why"):
        assert f"`{field}`" in TEXT


def test_no_table_has_an_empty_meaning_and_every_anchor_exists() -> None:
    assert re.findall(r".*\|\s*\|\n", TEXT) == []
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= anchors
