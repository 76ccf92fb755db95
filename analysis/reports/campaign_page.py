"""Makes `report.html`, the page of a campaign: one HTML file without scripts, which needs no other file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.frames.campaigns import Campaign
from analysis.reports import matrix_table, page_templates, run_names
from analysis.reports.campaign_pictures import Picture, draw_heatmaps, draw_recordings, draw_swimlanes
from analysis.summary import campaign_words, verdict_words, wording
from analysis.summary.expectations import is_matrix
from analysis.summary.left_out_words import left_out_line
from stacks.lifecycle.lost_threads import ThreadTable
from stacks.lifecycle.text_files import replace_text

PAGE_FILE = "report.html"
TEMPLATE = "campaign_page.html"
# Settings of campaign.json's plan, by the names that uWSGI has for them.
SETTINGS = {
    "workers": "workers",
    "max_requests": "max-requests",
    "users": "users",
    "duration_s": "load window in seconds",
}


def write_page(campaign: Campaign, summary: dict[str, Any]) -> Path:
    """Replace the page in the campaign's directory and return its path. Raises OSError."""
    path = campaign.path / PAGE_FILE
    replace_text(path, render(campaign, summary))
    return path


def render(campaign: Campaign, summary: dict[str, Any]) -> str:
    """The HTML of the page, from the campaign's frames and its summary.json."""
    of_matrix = is_matrix(summary)
    rows = _table_rows(campaign, summary)
    if of_matrix:  # the heat-maps show what was not tested
        rows = [row for row in rows if not row["entry"]["not_tested_because"]]
    return (
        page_templates.environment()
        .get_template(TEMPLATE)
        .render(
            summary=summary,
            begin=_begin(campaign),
            left_out_line=left_out_line(summary["left_out"], summary["damaged"]),
            answer=matrix_table.answer(summary) if of_matrix else campaign_words.answer(summary),
            pictures_first=of_matrix,
            rows=rows,
            settings=run_names.explained(row["stack"] for row in rows),
            warned=[row for row in rows if row["warning"]],
            unusual=[row for row in rows if not row["entry"]["as_expected"]],
            pictures=_pictures(campaign, summary),
            causes=campaign_words.causes(summary),
            evidence=campaign_words.evidence_groups(summary),
            threads=_thread_rows(summary),
            plan=_plan_settings(campaign),
            source=_source(summary),
            host=_host(summary),
            meanings=verdict_words.VERDICT_MEANINGS,
        )
    )


def _pictures(campaign: Campaign, summary: dict[str, Any]) -> list[Picture]:
    if is_matrix(summary):
        return draw_heatmaps(summary)
    draw = draw_recordings if summary["kind"] == "watch" else draw_swimlanes
    return draw(campaign, summary["cells"])


def _table_rows(campaign: Campaign, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """One row of the table for each cell: its entry of the summary, and the words for it."""
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


def _thread_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each thread that a master has, with the names of the cells that show the same."""
    rows: dict[tuple[Any, ...], list[str]] = {}
    for entry in summary["cells"]:
        table = ThreadTable.of(entry["fork_threads"])
        if table is None:
            continue
        for group in table.threads:
            if group.in_master:
                rows.setdefault((group, table.workers, table.answered), []).append(wording.cell_name(entry))
    return [
        {"cells": cells, "group": group, "workers": workers, "answered": answered}
        for (group, workers, answered), cells in rows.items()
    ]


def _begin(campaign: Campaign) -> str:
    """When the campaign began in UTC, from its wall-clock anchor; an empty text where it has none."""
    unix_ns = (campaign.campaign.get("clock") or {}).get("unix_ns")
    return f"{datetime.fromtimestamp(unix_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC" if unix_ns else ""


def _plan_settings(campaign: Campaign) -> dict[str, Any]:
    """The settings of every run whose stack sets no other ones."""
    plan = campaign.campaign.get("plan") or {}
    return {words: plan[name] for name, words in SETTINGS.items() if name in plan}


def _source(summary: dict[str, Any]) -> dict[str, Any]:
    """The commit of the pack that made the runs, and whether its files differed from that commit."""
    git = summary.get("git") or {}
    changed = {True: "yes", False: "no", None: "unknown"}[git.get("dirty")]
    return {"commit": git["commit"], "uncommitted changes": changed} if git.get("commit") else {}


def _host(summary: dict[str, Any]) -> dict[str, Any]:
    """The machine of the runs, as a table shows it."""
    host = dict(summary.get("host") or {})
    if memory_kib := host.pop("memory_kib", None):
        host["memory"] = f"{memory_kib / 1024:.0f} MiB"
    return host
