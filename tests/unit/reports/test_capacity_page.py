"""The page of a capacity plan: one file, every section, no raw backticks, and run names that are explained."""

import re
from dataclasses import replace

from html_page import Page

from analysis.reports import capacity_page
from analysis.reports.verification import Verification

SECTIONS = [
    "How sure the plan is, and what would change it",
    "Demand and service level",
    "Evidence",
    "Capacity curve",
    "What recycling costs",
    "Workers that recycle together",
    "lazy-apps and preforking",
    "If the version that hangs goes into production",
    "Spare workers",
    "Measured and predicted",
    "The bottleneck of each run",
    "Limits and assumptions",
    "How to repeat it",
]


def test_it_is_one_file_with_every_section(plan):
    text = capacity_page.render(plan)
    page = Page(text)
    assert page.named("script") == []
    assert page.outside_addresses() == []
    assert "http:" not in re.sub(r"data:[^\"]*", "", text)
    assert len(page.named("svg")) >= 5
    assert all(len(figure["aria-label"]) > 30 for figure in page.named("svg"))
    assert re.findall(r"<h2>(.*?)</h2>", text) == SECTIONS
    assert "processes = 8" in text
    assert "@page { size: A4" in text


def test_names_in_backticks_are_code(plan):
    """Reasons of other rooms have names in backticks, as messages in a terminal do."""
    reason = "no run tells how long a recycle takes; `make capacity` measures <it>"
    advice = replace(plan.advice, feasible=False, why_not=reason, workers=None)
    changed = replace(
        plan,
        advice=advice,
        measured=replace(plan.measured, curve=None, why_no_curve="`WORKERS=4` at least"),
        by_threads=[advice, advice],
        spares=[{"spares": 1, "workers": None, "why_not": reason}],
        cautions=["`make loadtest` plans more respawns"],
        results=replace(plan.results, left_out=[("a/b", "`run.json` is missing")]),
    )
    text = capacity_page.render(changed)
    assert "`" not in Page(text).text
    assert text.count("<code>make capacity</code> measures &lt;it&gt;") == 2
    assert all(f"<code>{name}</code>" in text for name in ("WORKERS=4", "make loadtest", "run.json"))


def test_settings_in_the_names_of_runs_are_explained(plan):
    runs = plan.results.runs.copy()
    runs.loc[0, "run_key"] = "20261127-225030/work@py312-2.0.30.post1+w8t1m144d24-1"
    words = Page(capacity_page.render(replace(plan, results=replace(plan.results, runs=runs)))).words
    assert "w8t1m144d24 8 workers of 1 thread, max-requests 144, max-requests-delta 24" in words
    assert "How to read the names of the runs" in words


def test_names_without_settings_are_not_explained(plan):
    assert "How to read the names of the runs" not in capacity_page.render(plan)


def test_the_symbols_of_the_formulas_are_explained(plan):
    words = Page(capacity_page.render(plan)).words
    assert all(symbol in words for symbol in ("W is the number of workers", "M max-requests", "lambda the"))


def test_it_says_what_the_verifying_run_does_not_show(plan):
    verification = Verification(True, "all was well", "key", 0.1, 200, 200, recycles=0, workers=8)
    words = Page(capacity_page.render(replace(plan, verification=verification))).words
    assert "ok met Run key: all was well. No worker recycled in this run" in words
    verification = replace(verification, recycles=9)
    words = Page(capacity_page.render(replace(plan, verification=verification))).words
    assert "all was well. The run saw 9 recycles." in words
