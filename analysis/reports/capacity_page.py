"""The capacity report as files: one HTML page that needs nothing outside itself, JSON, and PDF with Chromium."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from analysis.capacity import formula_check
from analysis.figures.outage import clock
from analysis.frames import cells
from analysis.reports import gallery
from analysis.reports.campaign_page import templates
from analysis.reports.capacity_report import Report, as_json
from analysis.summary import verdict_words, wording
from analysis.summary.json_values import to_json_value

HTML, JSON, PDF = "capacity.html", "capacity.json", "capacity.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT_LIMIT_S = 60.0


def pictures(report: Report) -> dict[str, gallery.Shown]:
    """Every picture that the results have runs for, by name."""
    pair = gallery.worst_and_best(report.cells)
    rates = [outage.rate for outage in report.outages]
    found = [
        gallery.capacity_curve(report.measured, report.advice, report.demand),
        gallery.hang_forest(report.cells),
        gallery.versions(report.cells),
        gallery.time_to_ready(report.cells),
        gallery.swimlanes(report.results, *pair) if pair else None,
        gallery.recoveries(report.results, report.cells),
        gallery.outages(report.advice, report.demand, rates, report.checks),
    ]
    return {shown.name: shown for shown in found if shown is not None}


def decision(report: Report) -> str:
    """The answer in a sentence."""
    advice, demand = report.advice, report.demand
    if not advice.feasible:
        return advice.why_not[:1].upper() + advice.why_not[1:] + "."
    spare = f", {advice.spares} of them spare," if advice.spares else ""
    threads = f" of {advice.threads} threads" if advice.threads != 1 else ""
    return (
        f"Run {advice.workers} workers{threads}{spare} with "
        f"pyuwsgi {advice.package_version} on Python {advice.python}: at the lower 95 % limit they answer "
        f"{advice.lower_rps:.0f} requests/s where {demand.wanted_rps:.0f} are wanted, recycling paid and spares away."
    )


def ini(report: Report) -> str:
    """The recommendation as lines of a stack."""
    advice = report.advice
    lines = [
        f"processes = {advice.workers}",
        f"threads = {advice.threads}" if (advice.threads or 1) > 1 else "",
        f"max-requests = {advice.max_requests}",
        f"max-requests-delta = {advice.max_requests_delta}" if advice.max_requests_delta else "",
        f"min-worker-lifetime = {advice.min_worker_lifetime_s}",
        f"listen = {advice.listen_backlog}",
    ]
    return "\n".join(line for line in lines if line)


def commands(report: Report) -> list[str]:
    """What repeats the measurements and the report."""
    made = [campaign.get("command") for campaign in report.results.campaigns]
    names = [str(command) for command in dict.fromkeys(made) if command]
    demand = report.demand
    again = f"python -m analysis report --demand {demand.rps:g} --slo-p99 {1e3 * demand.slo_p99_s:g}ms "
    again += f"--headroom {100 * demand.headroom:g}% RESULTS"
    return [*names, again]


def render(report: Report) -> str:
    """The page's text."""
    environment = templates()
    environment.filters["clock"] = clock
    environment.filters["percent"] = wording.percent
    shown, advice = pictures(report), report.advice
    return environment.get_template("capacity.html").render(
        report=report,
        advice=advice,
        demand=report.demand,
        measured=report.measured,
        decision=decision(report),
        app=" ".join(filter(None, (Path(advice.app).name, advice.env))),
        ini=ini(report) if advice.feasible else "",
        shown={name: {"title": s.title, "alt": s.alt, "uri": s.svg()} for name, s in shown.items()},
        claims={cell.name: cells.claim(cell.hangs) for cell in report.cells},
        marks={cell.name: verdict_words.mark(cell.verdict) for cell in report.cells},
        commands=commands(report),
        limits=_limits(report),
        held=formula_check.summarise(report.checks),
        recycling=_recycling(report),
    )


def _limits(report: Report) -> list[dict[str, Any]]:
    """Who was the limit, counted by cell and limit."""
    rows: dict[tuple[str, str], list[str]] = {}
    for cell in report.cells:
        for key in cell.runs["run_key"]:
            if (limit := report.measured.limits.get(key)) is not None:
                rows.setdefault((cell.name, limit.limit), []).append(limit.why)
    return [{"cell": cell, "limit": limit, "runs": len(why), "why": why[0]} for (cell, limit), why in rows.items()]


def _recycling(report: Report) -> list[dict[str, Any]]:
    """What recycling costs at some max-requests, up to the recommended one."""
    from analysis.capacity import formulas

    facts, advice = report.measured, report.advice
    if facts.service_s is None or facts.away_s is None:
        return []
    threads, workers = advice.threads or 1, advice.workers
    limits = sorted({100, 500, 1000, 5000, *([advice.max_requests] if advice.max_requests else [])})
    rows = []
    for limit in limits:
        row: dict[str, Any] = {"max_requests": limit, "advised": limit == advice.max_requests}
        row["lost"] = 1 - formulas.efficiency(limit, facts.service_s, facts.away_s, threads)
        row["each_s"] = None if workers is None else limit * workers / report.demand.rps
        rows.append(row)
    return rows


def write(report: Report, directory: Path) -> list[Path]:
    """HTML and JSON, replaced atomically, and the PDF where a browser prints it. Returns what was written."""
    page, numbers = directory / HTML, directory / JSON
    replace(page, render(report))
    replace(numbers, json.dumps(to_json_value(as_json(report)), indent=1, allow_nan=False) + "\n")
    printed = print_pdf(page, directory / PDF)
    return [page, numbers, *([printed] if printed else [])]


def replace(path: Path, text: str) -> None:
    """The whole new file or the old one, never half of one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def print_pdf(page: Path, to: Path) -> Path | None:
    """None without a browser, or where it does not manage in a minute; the page is the report, the PDF a copy."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or os.environ.get("PACK_NO_PDF"):
        return None
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        command += [f"--user-data-dir={profile}", f"--print-to-pdf={to}", page.resolve().as_uri()]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PRINT_LIMIT_S)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"analysis: no PDF: {shlex.join(command[:1])} failed ({error})", file=sys.stderr)
            return None
    return to if to.is_file() else None
