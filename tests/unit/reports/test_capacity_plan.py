"""The capacity plan: what it recommends, when it refuses, and what it forecasts."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from capacity_sweep import HOST, LIMIT, SERVICE_S, sweep
from html_page import Page
from results_builder import BEGIN, at, edit_json

from analysis.capacity import formula_check
from analysis.capacity.demand import Demand
from analysis.capacity.recommendation import round_up
from analysis.figures.durations import duration_words
from analysis.frames.results import load
from analysis.reports import capacity_page
from analysis.reports.capacity_decision import decision, doubt, ini
from analysis.reports.capacity_plan import build

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"


def test_stories_begin_with_the_load():
    assert at(0) == BEGIN


def test_recommendation(plan):
    advice = plan.advice
    assert advice.feasible, advice.why_not
    assert (advice.stack, advice.package_version) == ("work", "2.0.30.post1")
    # 250/s at 40/s a worker less contention and recycling: 7, and a spare.
    assert (advice.workers, advice.threads, advice.spares) == (8, 1, 1)
    assert advice.lower_rps >= 250
    assert advice.needs["throughput"] == 7
    # R / s x 99, rounded up to two digits; the delta is lambda R / W.
    assert advice.max_requests == round_up(plan.measured.away_s / plan.measured.service_s * 99)
    assert advice.max_requests_delta == round_up(250 * plan.measured.away_s / 8)
    assert advice.listen_backlog == 128
    assert advice.min_worker_lifetime_s == 10
    assert advice.simulated_p99_s < 0.2


def test_the_decision_says_what_to_run_and_what_it_answers(plan):
    assert decision(plan) == (
        "Run 8 workers, 1 of them spare, with pyuwsgi 2.0.30.post1 on Python 3.12. Without the spare ones and with the "
        f"cost of recycling, they answer at least {plan.advice.lower_rps:.0f} requests/s (the lower 95 % limit); 250 "
        "are wanted."
    )


def test_measured(plan):
    assert sorted({point.size for point in plan.measured.points}) == [1, 2, 4, 8]
    assert plan.measured.service_s == pytest.approx(SERVICE_S, rel=0.05)
    assert plan.measured.away_s == pytest.approx(0.5, abs=0.01)
    [kind] = plan.measured.kinds
    assert (kind.lazy, kind.mb, kind.recycles, kind.away_s) == (
        False,
        pytest.approx(2.0),
        24,
        pytest.approx(0.5, abs=0.01),
    )
    assert {limit.limit for limit in plan.measured.limits.values()} == {"workers"}


def test_too_high_a_demand_is_not_feasible(campaign):
    plan = build(load(campaign), Demand(2000, 0.2))
    assert not plan.advice.feasible
    assert plan.advice.workers is None
    assert "not feasible on this host" in plan.advice.why_not
    assert re.search(r"\d+ such hosts would", plan.advice.why_not)
    assert "Not feasible on this host" in decision(plan)


def test_a_service_level_below_the_service_time_is_not_feasible(campaign):
    plan = build(load(campaign), Demand(100, 0.01))
    assert "no number of workers helps" in plan.advice.why_not


def test_memory_can_be_the_limit(tmp_path):
    path = sweep(tmp_path / "campaign")
    for run in path.glob("*/run.json"):
        edit_json(run, host=HOST | {"memory_kib": 4096})
    assert "exceed its 4 MB" in build(load(path), Demand(200, 0.2)).advice.why_not


def test_the_forecast_of_the_version_that_hangs(plan):
    [outage] = plan.outages
    assert outage.outage_s == pytest.approx(8 * plan.advice.max_requests / 200)
    assert 0 < outage.breach_s <= outage.outage_s


def test_the_table_and_the_figure_of_an_outage_show_the_same_workers_and_times(campaign):
    """Where no number of workers suffices, there is no recommendation: both take the measured number."""
    for demand in (Demand(200, 0.2, 0.25, 1), Demand(2000, 0.2)):
        plan = build(load(campaign), demand)
        [outage] = plan.outages
        figure = capacity_page.pictures(plan)["outage"]
        assert f"for {outage.workers} workers and {demand.rps} requests/s" in figure.alt_text
        assert (
            f"At max-requests {outage.max_requests}: 100 % hung: {duration_words(outage.outage_s)}." in figure.alt_text
        )
        assert duration_words(outage.outage_s) in figure.title
        words = Page(capacity_page.render(plan)).words
        assert f"from the start of {outage.workers} workers with max-requests {outage.max_requests} under" in words


def contradicted(plan, holds):
    """The plan with as many loss checks as `holds` has values."""
    losses = [check for check in plan.checks if check.what.startswith("throughput lost")]
    outages = [check for check in plan.checks if not check.what.startswith("throughput lost")]
    return replace(plan, checks=[replace(losses[0], holds=value) for value in holds] + outages)


def test_the_headline_carries_the_doubt_of_its_own_checks(plan):
    doubtful = contradicted(plan, [False] * 5 + [True])
    text = doubt(doubtful)
    assert text.startswith("Doubtful: 5 of 6 checks of the formula for throughput lost do not hold on these runs")
    page = capacity_page.render(doubtful)
    assert Page(page).words.index(text) < Page(page).words.index("How sure the plan is")
    assert "border: 2px solid var(--warn)" in page
    assert doubt(contradicted(plan, [True] * 4 + [False] * 2)) == ""
    assert doubt(plan) == ""
    assert "border: 2px solid var(--good)" in capacity_page.render(plan)


def test_the_ini_of_the_plan_starts_the_server_that_was_measured(plan):
    lines = ini(plan).splitlines()
    assert lines[0] == "[uwsgi]"
    assert {"master = true", "processes = 8", "die-on-term = true"} <= set(lines)
    assert "lazy-apps = true" not in lines
    assert "enable-threads = true" not in lines  # the runs had no threads
    runs = plan.results.runs.assign(enable_threads=True)
    threaded = replace(plan, results=replace(plan.results, runs=runs), advice=replace(plan.advice, lazy_apps=True))
    assert {"enable-threads = true", "lazy-apps = true"} <= set(ini(threaded).splitlines())


def test_the_loss_agrees_with_its_formula(plan):
    losses = [check for check in plan.checks if check.what.startswith("throughput lost")]
    assert len(losses) == 2
    for check in losses:
        assert check.predicted == pytest.approx(100 * 0.5 / (0.5 + LIMIT * SERVICE_S), abs=1)
        assert check.measured == pytest.approx(check.predicted, abs=1)
        assert check.holds
    [line] = formula_check.summarise(losses)
    assert line.startswith("throughput lost, max-requests 12: 2 of 2 runs hold; measured less predicted is ")


def test_runs_that_polled_the_stats_socket_are_a_caution(tmp_path):
    path = tmp_path / "runs" / "recovers"
    shutil.copytree(GOLDEN / "recovers", path)
    run = json.loads((path / "run.json").read_text())
    edit_json(path / "run.json", collectors=run["collectors"] | {"stats": "on"})
    assert any("stats socket" in text for text in build(load(path.parent), Demand(100, 0.2)).cautions)
