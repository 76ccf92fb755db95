"""Makes `capacity.html`, the page of a capacity plan: one HTML file without scripts, which needs no other file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.capacity import formula_check, formulas
from analysis.frames import cells
from analysis.reports import (
    capacity_decision,
    capacity_pictures,
    page_templates,
    recycle_pictures,
    run_names,
    run_pictures,
)
from analysis.reports.capacity_plan import CapacityPlan
from analysis.reports.titled_figure import TitledFigure
from analysis.summary import verdict_words
from analysis.summary.left_out_words import left_out_line

TEMPLATE = "capacity_page.html"
# The table of what recycling costs has these max-requests, and the recommended one.
MAX_REQUESTS_ROWS = (100, 500, 1000, 5000)


def render(plan: CapacityPlan) -> str:
    """The HTML of the page."""
    advice = plan.advice
    return (
        page_templates.environment()
        .get_template(TEMPLATE)
        .render(
            plan=plan,
            advice=advice,
            demand=plan.demand,
            measured=plan.measured,
            decision=capacity_decision.decision(plan),
            left_out_line=left_out_line(plan.results.left_out, plan.results.damaged),
            doubt=capacity_decision.doubt(plan),
            app=" ".join(filter(None, (Path(advice.app).name, advice.env))),
            ini=capacity_decision.ini(plan) if advice.feasible else "",
            pictures=pictures(plan),
            claims={cell.name: cells.claim(cell.hangs) for cell in plan.cells},
            marks={cell.name: verdict_words.mark(cell.verdict) for cell in plan.cells},
            commands=capacity_decision.commands(plan),
            limits=_limit_rows(plan),
            agreement=formula_check.summarise(plan.checks),
            recycling=_recycling_rows(plan),
            settings=run_names.explained(_run_names(plan)),
        )
    )


def pictures(plan: CapacityPlan) -> dict[str, TitledFigure]:
    """Every figure that the results have runs for, by its name in the template."""
    pair = run_pictures.worst_and_best(plan.cells)
    figures = [
        capacity_pictures.capacity_curve(plan.measured, plan.advice, plan.demand),
        capacity_pictures.hang_forest(plan.cells),
        capacity_pictures.versions(plan.cells),
        capacity_pictures.time_to_ready(plan.cells),
        run_pictures.swimlanes(plan.results, *pair) if pair else None,
        recycle_pictures.recoveries(plan.results, plan.cells),
        capacity_pictures.outages(plan.outages, plan.demand, plan.checks),
    ]
    return {figure.name: figure for figure in figures if figure is not None}


def _limit_rows(plan: CapacityPlan) -> list[dict[str, Any]]:
    """One row for each cell and bottleneck, with the number of its runs and the numbers of the first one."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in plan.cells:
        for key in cell.runs["run_key"]:
            if (limit := plan.measured.limits.get(key)) is not None:
                reasons.setdefault((cell.name, limit.limit), []).append(limit.why)
    return [{"cell": cell, "limit": limit, "runs": len(of), "why": of[0]} for (cell, limit), of in reasons.items()]


def _recycling_rows(plan: CapacityPlan) -> list[dict[str, Any]]:
    """The share of the throughput that recycling costs and the life of a worker in seconds, by max-requests."""
    facts, advice = plan.measured, plan.advice
    if facts.service_s is None or facts.away_s is None:
        return []
    threads, workers = advice.threads or 1, advice.workers
    limits = sorted({*MAX_REQUESTS_ROWS, *([advice.max_requests] if advice.max_requests else [])})
    return [
        {
            "max_requests": limit,
            "is_recommended": limit == advice.max_requests,
            "lost": 1 - formulas.efficiency(limit, facts.service_s, facts.away_s, threads),
            "life_s": None if workers is None else limit * workers / plan.demand.rps,
        }
        for limit in limits
    ]


def _run_names(plan: CapacityPlan) -> list[str]:
    """Every name of a run that the page shows."""
    left_out = [run for run, _ in plan.results.left_out]
    verified = [] if plan.verification is None else [plan.verification.run_key]
    return [*plan.results.counted["run_key"], *left_out, *verified]
