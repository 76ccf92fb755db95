"""Aggregated requests of a run: counts within the load window, bins, and first responses."""

import pandas as pd
import pytest
from results_builder import BEGIN, Story, at, hanging, load_only_run

from analysis.frames import timeline
from analysis.frames.answers import bin_width_s
from analysis.frames.results import load


def test_an_answer_counts_if_its_end_is_within_the_fixed_window(builder):
    story = Story()
    story.first(1)
    for start, latency in ((-0.2, 0.1), (-0.2, 0.3), (0.5, 0.1), (1.9, 0.05), (1.95, 0.1)):
        story.request(start, latency)
    story.request(0.1, 1.0, "timeout")
    story.request(1.9, 5.0, "in_flight")
    _, run = load_only_run(builder, story)
    assert (run["requests"], run["lost"], run["answered"], run["answered_rps"]) == (7, 2, 3, 1.5)


@pytest.mark.parametrize(
    ("slowest_s", "age_s", "lost"),
    [
        (0.1, 0.9, 0),  # it may wait for a worker that recycles: open at the end
        (0.1, 1.1, 1),
        (1.5, 1.4, 0),  # another request took longer and was answered
        (None, 1.1, 1),
    ],
)
def test_a_request_that_was_in_flight_at_the_end_is_lost_if_it_is_old(builder, slowest_s, age_s, lost):
    story = Story()
    story.first(1)
    if slowest_s:
        story.request(0.1, slowest_s)
    story.request(0.5, age_s, "in_flight")
    story.request(0.5, 0.0, "missed")  # it was never sent
    _, run = load_only_run(builder, story)
    assert run["lost"] == lost
    assert timeline.events_and_requests(load(builder.path), run["run_key"])["lost"].sum() == lost


def test_bins_reach_to_the_end_of_the_load_and_include_bins_without_an_answer(builder):
    story = Story()
    story.first(1)
    for start in (0.01, 0.02, 0.55, 2.25):
        story.request(start, 0.001)
    campaign, run = load_only_run(builder, story, load={"begin_ns": BEGIN, "end_ns": at(2.3), "window_s": 2.0})
    assert run["answered"] == 3
    seconds = campaign.seconds
    assert seconds["bin_s"].unique().tolist() == [0.1]
    assert seconds["t_s"].tolist() == pytest.approx([i / 10 for i in range(23)])
    busy = seconds[seconds["answered"] > 0]
    assert busy["t_s"].tolist() == pytest.approx([0.0, 0.5, 2.2])
    assert busy["answered_rps"].tolist() == pytest.approx([20.0, 10.0, 10.0])


@pytest.mark.parametrize(
    ("window_s", "width"), [(0.5, 0.1), (2, 0.1), (6, 0.1), (6.1, 0.2), (30, 0.5), (60, 1), (61, 2), (3600, 100)]
)
def test_bin_width(window_s, width):
    assert bin_width_s(window_s) == width
    assert window_s / width <= 60


def test_first_response_is_the_first_answer_of_that_process_after_its_fork(builder):
    story = Story()
    old = story.first(1)
    new = story.respawn(1, old, 0.2, took=0.5)  # forked at 0.3
    story.request(0.05, 0.01, slot=1, pid=old)
    story.request(0.25, 0.60, slot=1, pid=new)  # waited in the backlog since before the fork
    story.request(0.80, 0.20, slot=1, pid=new)
    story.request(0.10, 0.10, slot=1, pid=new)  # an earlier process with the same pid
    story.request(0.40, 0.01, "timeout", slot=1, pid=new)
    story.request(0.40, 0.01, slot=2, pid=new)
    campaign, _ = load_only_run(builder, story)
    assert campaign.episodes["first_response_ns"].tolist() == [at(0.06), at(0.85)]


def test_a_worker_that_never_answered_has_no_first_response(builder):
    campaign, _ = load_only_run(builder, hanging(workers=1), "hung_worker")
    assert pd.isna(campaign.episodes["first_response_ns"].iloc[1])


def test_a_stack_that_never_got_load_has_no_bins(builder):
    campaign, run = load_only_run(builder, Story(), load={"begin_ns": None, "end_ns": None, "window_s": 2.0})
    assert (run["requests"], run["answered"], run["answered_rps"]) == (0, 0, 0.0)
    assert campaign.episodes.empty
    assert campaign.seconds.empty
