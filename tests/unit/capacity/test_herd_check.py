"""The herd of a run against the simulated herd."""

import numpy as np
import pandas as pd
import pytest
from results_builder import Builder, Story

from analysis.capacity.herd_check import check_herd, workers_down
from analysis.capacity.measurements import Measurements
from analysis.frames.results import load

SERVICE_S, AWAY_S = 0.025, 0.4


def test_workers_that_are_away_at_once():
    frame = pd.DataFrame(
        {
            "generation": [0, 1, 1, 1],
            "exit_begun_ns": pd.array([None, 10, 15, 40], dtype="Int64"),
            "exited_ns": pd.array([None, 11, 16, 41], dtype="Int64"),
            "forked_ns": pd.array([1, 12, 17, None], dtype="Int64"),
            "ready_ns": pd.array([2, 20, 30, None], dtype="Int64"),
            "watched_until_ns": pd.array([99] * 4, dtype="Int64"),
        }
    )
    assert workers_down(frame, 0, 99) == 2
    assert workers_down(frame, 35, 99) == 1


def recycling_together(workers: int, limit: int, rps: float) -> Story:
    """Workers that take the requests in turn, so all of them reach max-requests at about the same time."""
    story = Story()
    pids = {slot: story.first(slot) for slot in range(1, workers + 1)}
    served = dict.fromkeys(pids, 0)
    for number, t in enumerate(np.arange(0, 2.0, 1 / rps).tolist()):
        slot = 1 + number % workers
        story.request(t, SERVICE_S, slot=slot, pid=pids[slot])
        served[slot] += 1
        if served[slot] == limit:
            pids[slot], served[slot] = story.respawn(slot, pids[slot], t + SERVICE_S, took=AWAY_S), 0
    return story


@pytest.fixture
def run_of(tmp_path):
    def load_run(**more):
        builder = Builder(tmp_path / "campaign")
        builder.cell()
        directory = builder.run("recovers", recycling_together(4, 15, 80.0), **more)
        (directory / "stack.ini").write_text("[uwsgi]\nprocesses = 4\nmax-requests = 15\nmin-worker-lifetime = 0\n")
        results = load(builder.write())
        return results.counted.to_dict("records")[0], results.episodes

    return load_run


def test_the_herd_of_an_open_run_is_within_the_simulated_range(run_of):
    run, episodes = run_of(scenario="open", plan={"rate": 80.0})
    check = check_herd(run, episodes, Measurements(service_s=SERVICE_S, away_s=AWAY_S))
    assert (check.measured, check.unit, check.holds) == (4, "workers", True)
    assert check.what == "most workers away at once, delta 0 (computed: 8; simulated: 4 to 4)"


def test_a_closed_loop_has_no_demand_to_check(run_of):
    run, episodes = run_of(scenario="steady")
    assert check_herd(run, episodes, Measurements(service_s=SERVICE_S, away_s=AWAY_S)) is None
