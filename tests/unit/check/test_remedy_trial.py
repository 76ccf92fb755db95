"""The line about the trial of a remedy: what happened with it, and whether it cures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, findings, remedy

from stacks import catalogue
from stacks.check.advice import advise
from stacks.check.measurement import Measurement
from stacks.check.remedy_trial import RemedyTrial, best_cure

DEFECTS = catalogue.load().defects
BY_SIGNAL = "9 workers ended after they were ready, before they had answered a request (by signal 11)"
BEFORE_READY = "9 workers died before they were ready"
SLOW = replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s={"exit": 30.1, "reap": 0.7, "start": 0.1})


def crashes(reason: str, on_request: int) -> Measurement:
    return replace(HUNG, verdict="crash_loop", reason=reason, hung=0, crashed=9, dead_on_request=on_request)


def slow_trial(name: str, run: Measurement) -> RemedyTrial:
    return RemedyTrial(remedy(name), run, slow_recycle_s=30.9)


@pytest.mark.parametrize(("reason", "on_request"), [(BY_SIGNAL, 9), (BEFORE_READY, 0)])
def test_a_crash_is_told_as_it_happened(reason: str, on_request: int) -> None:
    trial = RemedyTrial(remedy("lazy-apps"), crashes(reason, on_request))
    assert trial.describe() == f"lazy-apps = true: does not help, {reason}"
    assert not trial.cures


def test_workers_that_die_in_a_request_have_a_defect_and_the_remedies_that_were_tried() -> None:
    trials = [RemedyTrial(remedy("lazy-apps"), HEALTHY), RemedyTrial(remedy("fork-hooks"), crashes(BY_SIGNAL, 9))]
    given = findings(crashes(BY_SIGNAL, 9), pin="2.0.30.post1", remedy_trials=trials)
    advice = advise(given, DEFECTS)
    assert "ends in its first request" in advice[0]
    assert f"The outcome of this check: {BY_SIGNAL}." in advice[0]
    assert "Recommended change: lazy-apps = true." in advice
    alone = replace(given, remedy_trials=trials[1:])
    assert any("Known remedy: the last line that the worker wrote" in sentence for sentence in advise(alone, DEFECTS))


def test_a_run_without_a_verdict_names_nothing_that_a_check_does_not_have() -> None:
    run = replace(HEALTHY, verdict="invalid", reason="7 respawns seen. Raise DURATION or WORKERS.")
    trial = RemedyTrial(remedy("lazy-apps"), run, "Only 7 workers came back in the time limit. Name a page with --url.")
    assert trial.describe() == (
        "lazy-apps = true: not measured. Only 7 workers came back in the time limit. Name a page with --url"
    )
    assert not trial.cures


def test_a_run_that_may_be_luck_is_no_cure() -> None:
    trial = RemedyTrial(remedy("fork-hooks"), HEALTHY, luck="without this change 3 of 32 workers hung")
    assert not trial.cures
    assert trial.describe() == (
        "py-call-uwsgi-fork-hooks = true: no cure, although 0 of 12 workers hung here: "
        "without this change 3 of 32 workers hung"
    )


def test_the_stop_with_a_remedy_is_told_where_a_slow_exit_makes_it_slow() -> None:
    with_remedy = replace(HEALTHY, recycle_median_s=1.6, stop_signal="INT", stop_s=1.1)
    assert (
        slow_trial("lazy-apps", with_remedy)
        .describe()
        .endswith("without it 30.9 s (n = 12), and SIGINT ended the instance after 1.1 s")
    )


def test_a_slow_exit_gets_the_recycle_with_each_remedy_beside_the_one_without() -> None:
    trials = [slow_trial("lazy-apps", replace(HEALTHY, recycle_median_s=1.6)), slow_trial("fork-hooks", SLOW)]
    assert [trial.cures for trial in trials] == [True, False]
    advice = advise(findings(SLOW, pin="2.0.30.post1", remedy_trials=trials), DEFECTS)
    assert "30.1 s of it the exit of the old worker" in advice[0]
    assert advice[1] == "lazy-apps = true: a recycle takes 1.6 s, without it 30.9 s (n = 12)."
    assert advice[2] == (
        "py-call-uwsgi-fork-hooks = true: does not help, a recycle takes 30.9 s, without it 30.9 s (n = 12)."
    )
    assert advice[3] == "Recommended change: lazy-apps = true."


def test_a_slow_exit_that_no_remedy_shortens_is_the_app_s_own() -> None:
    trials = [slow_trial("lazy-apps", SLOW), slow_trial("fork-hooks", HUNG)]
    advice = advise(findings(SLOW, pin="2.0.30.post1", remedy_trials=trials), DEFECTS)
    assert "does not help, 4 of 4 workers hung" in advice[2]
    assert advice[3] == "Shorten what the app does at its exit (atexit)."
    # No remedy applies where the master has one thread, so the advice names what would help in general.
    assert "py-call-uwsgi-fork-hooks = true shortens it" in advise(findings(SLOW), DEFECTS)[0]


def test_the_upgrade_is_the_best_of_several_cures() -> None:
    trials = [RemedyTrial(remedy(name), HEALTHY) for name in ("lazy-apps", "upgrade")]
    best = best_cure(trials)
    assert best is not None
    assert best.remedy.name == "upgrade"
    assert best_cure([RemedyTrial(remedy("lazy-apps"), HUNG)]) is None
