"""The time to a total outage of a run against W M / lambda."""

import numpy as np
import pytest
from results_builder import Builder, Story

from analysis.capacity.outage_check import check_outage
from analysis.frames.results import load

WORKERS, LIMIT, RPS = 4, 20, 100.0
OUTAGE_S = WORKERS * LIMIT / RPS


def story_of_an_outage(until_s: float) -> Story:
    """Every worker hangs after LIMIT requests. Requests are sent until `until_s`."""
    story = Story()
    pids = {slot: story.first(slot) for slot in range(1, WORKERS + 1)}
    for number, t in enumerate(np.arange(0, until_s, 1 / RPS).tolist()):
        slot = 1 + number % WORKERS
        if number < WORKERS * LIMIT:
            story.request(t, 0.005, slot=slot, pid=pids[slot])
        else:
            story.request(t, 1.0, "timeout")
    for slot, pid in pids.items():
        story.hang(story.respawn(slot, pid, OUTAGE_S, took=None), OUTAGE_S + 0.2)
    return story


@pytest.fixture
def check_of(tmp_path):
    def check(until_s):
        builder = Builder(tmp_path / "campaign")
        builder.cell(expected="hung_worker")
        directory = builder.run("hung_worker", story_of_an_outage(until_s))
        (directory / "stack.ini").write_text(f"[uwsgi]\nprocesses = {WORKERS}\nmax-requests = {LIMIT}\n")
        results = load(builder.write())
        return check_outage(results, results.counted.to_dict("records")[0], results.episodes)

    return check


def test_the_outage_comes_after_w_times_m_requests(check_of):
    check = check_of(until_s=2.0)
    assert check.predicted == pytest.approx(OUTAGE_S, abs=0.02)
    assert check.measured == pytest.approx(OUTAGE_S, abs=0.02)
    assert check.holds


def test_a_demand_that_ends_with_the_answers_proves_nothing(check_of):
    assert check_of(until_s=OUTAGE_S) is None
