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
QUICK = replace(HEALTHY, recycle_median_s=12.0, recycle_phases_s={"exit": 0.2, "reap": 0.8, "start": 11.0})
SLOW = replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s={"exit": 30.1, "reap": 0.7, "start": 0.1})


def crashes(reason: str, on_request: int) -> Measurement:
    return replace(HUNG, verdict="crash_loop", reason=reason, hung=0, crashed=9, dead_on_request=on_request)


def slow_trial(name: str, run: Measurement) -> RemedyTrial:
    return RemedyTrial(remedy(name), run, before=SLOW)


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
    text = slow_trial("lazy-apps", replace(QUICK, stop_signal="INT", stop_s=1.1)).describe()
    assert text.endswith(
        "without it 30.1 s (a whole recycle 12.0 s, n = 12), and SIGINT ended the instance after 1.1 s"
    )


@pytest.mark.parametrize(("signal", "cures"), [("INT", True), ("KILL", False)])
def test_a_stop_that_needed_sigkill_is_cured_if_sigint_is_enough(signal: str, cures: bool) -> None:
    frames = ["futex_wait", "atexit_callfuncs", "_PyAtExit_Call", "Py_FinalizeEx"]
    process = {"pid": 7, "role": "worker", "starting": False, "waits": ["futex"], "frames": frames}
    stuck = replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=[process], master_threads=2)
    trials = [RemedyTrial(remedy("lazy-apps"), replace(HEALTHY, stop_signal=signal, stop_s=1.1), before=stuck)]
    given = findings(stuck, import_threads=["exporter (sdk.run)"], pin="2.0.30.post1", remedy_trials=trials)
    assert trials[0].cures is cures
    text = "\n".join(advise(given, DEFECTS))
    assert "waits for the end of a thread that only the master has (exporter (sdk.run))." in text
    assert ("Recommended change: lazy-apps = true." in text) is cures
    assert ("lazy-apps = true: does not help" in text) is not cures
    # Without a trial the advice names what is known to help.
    assert "Known remedy: lazy-apps" in "\n".join(advise(replace(given, remedy_trials=[]), DEFECTS))


def test_a_slow_exit_gets_the_recycle_with_each_remedy_beside_the_one_without() -> None:
    trials = [slow_trial("lazy-apps", QUICK), slow_trial("fork-hooks", SLOW)]
    assert [trial.cures for trial in trials] == [True, False]
    advice = advise(findings(SLOW, pin="2.0.30.post1", remedy_trials=trials), DEFECTS)
    assert "30.1 s of it the exit of the old worker" in advice[0]
    assert advice[1] == "lazy-apps = true: an exit takes 0.2 s, without it 30.1 s (a whole recycle 12.0 s, n = 12)."
    assert advice[2] == (
        "py-call-uwsgi-fork-hooks = true: does not help, and an exit takes 30.1 s, without it 30.1 s "
        "(a whole recycle 30.9 s, n = 12)."
    )
    assert advice[3] == "Recommended change: lazy-apps = true."


@pytest.mark.parametrize(
    ("before_s", "exit_s", "cures"),
    [(30.0, 2.9, True), (30.0, 6.0, True), (30.0, 6.1, False), (4.0, 2.0, True), (4.0, 2.1, False), (2.7, 2.5, False)],
)
def test_a_slow_exit_is_cured_if_it_becomes_quick_or_much_quicker(before_s: float, exit_s: float, cures: bool) -> None:
    before, busy = (
        replace(SLOW, recycle_phases_s={"exit": seconds, "reap": 2.0, "start": 9.0}) for seconds in (before_s, exit_s)
    )
    assert RemedyTrial(remedy("lazy-apps"), busy, before=before).cures is cures


def test_requests_that_are_lost_although_no_worker_hangs_have_the_remedies_that_were_tried() -> None:
    losing = replace(HEALTHY, requests=150, lost={"timeout": 6, "closed": 3}, master_threads=5)
    hooks = replace(losing, requests=100, lost={"closed": 1})
    trials = [
        RemedyTrial(remedy("lazy-apps"), replace(HEALTHY, requests=100, lost={}), before=losing),
        RemedyTrial(remedy("fork-hooks"), hooks, before=losing),
    ]
    assert [trial.cures for trial in trials] == [True, False]
    advice = "\n".join(advise(findings(losing, pin="2.0.30.post1", remedy_trials=trials), DEFECTS))
    assert "lazy-apps = true: 0 of 100 requests are lost, without it 9 of 150 (" in advice
    assert (
        "py-call-uwsgi-fork-hooks = true: does not help, and 1 of 100 requests are lost, without it 9 of 150" in advice
    )
    assert "Recommended change: lazy-apps = true." in advice
    slow = RemedyTrial(remedy("lazy-apps"), replace(hooks, recycle_median_s=42.1), before=losing)
    assert slow.describe().endswith("not measured, because requests time out while a recycle takes 42.1 s")


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
