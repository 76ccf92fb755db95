"""The run that verifies a capacity plan: how long it takes, what it runs, and how it is judged."""

from dataclasses import replace

import pytest
from capacity_sweep import HOST, busy, write_ini
from results_builder import Builder

from analysis.capacity.demand import Demand
from analysis.frames.results import load
from analysis.reports import verification, verification_run
from analysis.reports.capacity_plan import build
from stacks.commands import command_line
from stacks.lifecycle.records import RecordError


def test_it_is_judged_from_its_run(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("work")
    directory = builder.run("invalid", busy(8, 200), host=HOST)
    write_ini(directory, 8, 1_000_000)
    results = load(builder.write())
    assert verification.judge(Demand(200, 0.2), results).is_met
    assert "no worker recycled" in verification.judge(Demand(200, 0.2), results).gap
    slow = verification.judge(Demand(200, 0.02), results)
    assert not slow.is_met
    assert "the 99th percentile was" in slow.reason
    assert "were offered" in verification.judge(Demand(400, 0.2), results).reason


def test_it_runs_what_is_recommended(plan):
    arguments = verification_run.command(plan.demand, plan.advice)
    options = command_line.parser(["loadtest"]).parse_args(arguments)
    assert (options.stack, options.version, options.scenario) == ("work", "py312-2.0.30.post1", "open")
    assert (options.rate, options.users, options.workers, options.threads) == (200, 10, 8, 1)
    advice = plan.advice
    assert (options.max_requests, options.max_requests_delta) == (advice.max_requests, advice.max_requests_delta)
    assert (options.min_worker_lifetime, options.listen) == (10, 128)


@pytest.mark.parametrize(
    ("max_requests", "delta", "seconds"),
    [
        (1000, 0, 1.2 * 40),
        (1000, 100, 1.2 * 68),
        (10, 0, verification_run.SHORTEST_S),
        (100_000, 0, verification_run.LONGEST_S),
    ],
)
def test_it_takes_until_the_last_worker_has_recycled(plan, max_requests, delta, seconds):
    advice = replace(plan.advice, workers=8, max_requests=max_requests, max_requests_delta=delta)
    assert verification_run.duration_s(plan.demand, advice) == pytest.approx(seconds)


def test_it_says_what_it_does_not_show():
    result = verification.Verification(True, "", "key", 0.1, 200, 200, recycles=0, workers=4)
    assert "no worker recycled" in result.gap
    assert "only 3 of 4 workers" in replace(result, recycles=3).gap
    assert replace(result, recycles=4).gap == ""


def test_a_plan_without_a_recommendation_is_refused(campaign):
    plan = build(load(campaign), Demand(2000, 0.2))
    with pytest.raises(RecordError, match="no recommendation to verify"):
        verification_run.verify(plan.demand, plan.advice)
