"""The phases of a respawn, with censoring."""

import pytest
from results_builder import hanging, load_only_run, recovering

from analysis.frames import phases
from analysis.statistics import survival


def test_each_phase_has_its_duration(builder):
    campaign, _ = load_only_run(builder, recovering(workers=2, respawns=3, took=0.5))
    episodes = campaign.episodes
    medians = {phase: survival.median_s(phases.phase_sample(episodes, phase)) for phase in ("exit", "reap", "start")}
    assert medians == {"exit": pytest.approx(0.01), "reap": pytest.approx(0.09), "start": pytest.approx(0.4)}
    assert survival.median_s(phases.ready_sample(episodes)) == pytest.approx(0.5)


def test_a_hung_worker_is_censored_only_in_the_phase_in_which_it_hangs(builder):
    campaign, _ = load_only_run(builder, hanging(3), "hung_worker")
    assert all(phases.phase_sample(campaign.episodes, "reap").seen)
    start = phases.phase_sample(campaign.episodes, "start")
    assert not any(start.seen)
    assert min(start.durations_s) > 0.5
    assert phases.phase_sample(campaign.episodes, "first response").durations_s == []
