"""The campaign's page: one HTML file without scripts and without anything outside itself."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.frames.campaigns import Campaign
from analysis.reports import matrix
from analysis.reports.campaign_pictures import draw_matrix, draw_pictures
from analysis.summary import campaign_words, verdict_words, wording
from analysis.summary.expectations import is_matrix

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE_FILE = "report.html"
TEMPLATES = Path(__file__).parent / "templates"
# Of campaign.json's plan, in the words of uWSGI.
SETTINGS = {"workers": "workers", "max_requests": "max-requests", "users": "users", "duration_s": "window, s"}


def _rows(campaign: Campaign, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells in words, as the template shows them."""
    rows = []
    for plan, entry in zip(campaign.campaign["cells"], summary["cells"], strict=True):
        sign, tone = verdict_words.mark(entry["verdict"])
        p50, p95 = (wording.respawn_time(entry, name) for name in ("respawn_s_p50", "respawn_s_p95"))
        rows.append(
            {
                "entry": entry,
                "stack": wording.stack_name(entry),
                "what": plan.get("what", ""),
                "mark": sign,
                "tone": tone,
                "verdict": verdict_words.verdict_word(entry),
                "expectation": verdict_words.expectation(entry),
                "hung": wording.hung_of(entry),
                "at_start": wording.hung_at_start(entry),
                "rate": wording.hang_rate(entry),
                "interval": wording.hang_interval(entry),
                "p50": p50,
                "p95": p95,
                "answered": wording.number(entry["answered_rps"]),
                "lost": wording.number(entry["requests_lost"]),
                "stop": wording.stop(entry),
                "warning": wording.generator_warning(entry),
            }
        )
    return rows


def _day(campaign: Campaign) -> str:
    """When the campaign began, from its one wall-clock anchor."""
    unix_ns = (campaign.campaign.get("clock") or {}).get("unix_ns")
    return f"{datetime.fromtimestamp(unix_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC" if unix_ns else ""


def templates() -> Environment:
    """The pages' templates; a name that nobody gave a value is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _settings(campaign: Campaign) -> dict[str, Any]:
    """What the runs were made with, where their stack does not say otherwise."""
    plan = campaign.campaign.get("plan") or {}
    return {words: plan[name] for name, words in SETTINGS.items() if name in plan}


def render(campaign: Campaign, summary: dict[str, Any]) -> str:
    """The page's text."""
    rows = _rows(campaign, summary)
    if is_matrix(summary):  # its pictures show what was not tested
        rows = [row for row in rows if not row["entry"]["not_tested_because"]]
    template = templates().get_template("page.html")
    return template.render(
        summary=summary,
        day=_day(campaign),
        answer=matrix.answer(summary) if is_matrix(summary) else campaign_words.answer(summary),
        pictures_first=is_matrix(summary),
        rows=rows,
        warned=[row for row in rows if row["warning"]],
        unusual=[row for row in rows if not row["entry"]["as_expected"]],
        pictures=draw_matrix(summary) if is_matrix(summary) else draw_pictures(campaign, summary["cells"]),
        causes=campaign_words.causes(summary),
        evidence=campaign_words.evidence_groups(summary),
        plan=_settings(campaign),
        meanings=verdict_words.VERDICT_MEANINGS,
    )


def write_page(campaign: Campaign, summary: dict[str, Any]) -> Path:
    """Replace the page in the campaign's directory, and say where it is."""
    path = campaign.path / PAGE_FILE
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(render(campaign, summary))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
