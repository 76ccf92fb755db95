"""The advice: which sentences follow from which findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, MASTER, findings, remedy

from stacks import catalogue
from stacks.check.advice import advise
from stacks.check.diagnosis import Findings
from stacks.check.remedies import with_upgrade
from stacks.check.remedy_trial import RemedyTrial

DEFECTS = catalogue.load().defects


def test_two_defects_at_once_are_both_named_and_cured_together() -> None:
    both = with_upgrade(remedy("lazy-apps"), remedy("upgrade"))
    trials = [
        RemedyTrial(remedy("upgrade"), HUNG, target="2.0.30.post1"),
        RemedyTrial(remedy("lazy-apps"), HUNG),
        RemedyTrial(both, HEALTHY, target="2.0.30.post1"),
    ]
    given = findings(HUNG, ("threads", "2"), import_threads=["exporter (app.work)"], remedy_trials=trials)
    advice = advise(given, DEFECTS)
    assert "unbit/uwsgi#2659" in advice[0]
    assert "exporter (app.work)" in advice[1]
    assert "unbit/uwsgi#1149" in advice[1]
    assert "Recommended change: lazy-apps = true and upgrade pyuwsgi to 2.0.30.post1." in advice


def test_an_upgrade_that_leaves_a_thread_in_the_master_is_no_cure_even_if_every_worker_came_back() -> None:
    both = with_upgrade(remedy("lazy-apps"), remedy("upgrade"))
    trials = [
        RemedyTrial(remedy("upgrade"), HEALTHY, target="2.0.30.post1", leaves_threads=True),
        RemedyTrial(both, HEALTHY, target="2.0.30.post1"),
    ]
    given = findings(HUNG, ("threads", "2"), import_threads=["exporter (app.work)"], remedy_trials=trials)
    advice = advise(given, DEFECTS)
    assert any("2.0.30.post1: no cure, although 0 of 12 workers hung here" in sentence for sentence in advice)
    assert "Recommended change: lazy-apps = true and upgrade pyuwsgi to 2.0.30.post1." in advice


def test_the_advice_about_a_hang_names_the_bug_the_cure_and_the_remedies_that_do_not_help() -> None:
    trials = [
        RemedyTrial(remedy("upgrade"), HEALTHY, target="2.0.30.post1"),
        RemedyTrial(remedy("lazy-apps"), HUNG),
    ]
    text = "\n".join(advise(findings(HUNG, ("threads", "2"), remedy_trials=trials), DEFECTS))
    assert "pyuwsgi 2.0.26 on Python 3.12.1" in text
    assert "unbit/uwsgi#2659" in text
    assert "4 of 4 workers hung" in text
    assert "lazy-apps = true: does not help, 4 of 4 workers hung" in text
    assert "Recommended change: upgrade pyuwsgi to 2.0.30.post1." in text


def test_threads_of_the_app_are_named_and_both_cures_are_counted() -> None:
    trials = [RemedyTrial(remedy("lazy-apps"), HEALTHY), RemedyTrial(remedy("fork-hooks"), HEALTHY)]
    threads = ["exporter", "sched"]
    given = findings(HUNG, ("enable-threads", "1"), import_threads=threads, remedy_trials=trials, pin="2.0.30.post1")
    text = "\n".join(advise(given, DEFECTS))
    assert "starts 2 threads at import: exporter, sched" in text
    assert "0 of 12 workers hung" in text


def test_a_thread_that_has_done_no_harm_yet_gets_a_warning() -> None:
    warned = advise(findings(import_threads=["T"]), DEFECTS)
    assert any("None of 12 respawns hung" in sentence for sentence in warned)
    lazy = advise(findings(HEALTHY, ("lazy-apps", "1"), import_threads=["T"]), DEFECTS)
    assert not any("None of" in sentence for sentence in lazy)


def test_the_advice_about_an_unknown_hang_says_what_a_report_needs() -> None:
    assert "no defect that fits" in advise(findings(HUNG, pin="2.0.30.post1"), DEFECTS)[0]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (replace(findings(), options=[("max-requests", "9"), *MASTER[1:]]), "reaches its limit ends the instance"),
        (replace(findings(), options=MASTER[1:]), "a worker that crashes does not come back"),
        (replace(findings(), options=MASTER[:1]), "die-on-term is not set"),
        (findings(HEALTHY, ("max-requests", "9")), "Add max-requests-delta."),
        (findings(HEALTHY, ("max-requests", "500"), ("processes", "4")), "Add max-requests-delta = 125."),
        (findings(), "as soon as threads are on"),
        (findings(HUNG, ("threads", "2"), ("mule", "m.py")), "never starts a mule"),
        (findings(pin="2.0.27.post1"), "2.0.27 freezes"),
        (findings(HEALTHY, ("max-worker-lifetime", "60"), ("threads", "2")), "at night that may never happen"),
        (
            findings(HEALTHY, ("hook-master-start", "unix_signal:15 gracefully_kill_them_all"), pin="2.0.30"),
            "waits for every request",
        ),
        (findings(HEALTHY, *[("master-fifo", "/run/f")] * 3, pin="2.0.29"), "the old master never ends"),
        (findings(HEALTHY, ("py-call-osafterfork", "1")), "remove it"),
        (replace(findings(), unknown_options=["enable-thraeds"]), "did you mean enable-threads"),
        (findings(replace(HEALTHY, lost={"reset": 3}), ("http11-socket", ":1")), "3 of 60 requests were reset"),
        (findings(replace(HEALTHY, lost={"timeout": 2})), "2 of 60 requests timed out"),
        (findings(replace(HEALTHY, statuses={"404": 60})), "--url"),
    ],
)
def test_each_problem_of_a_configuration_gets_its_sentence(given: Findings, text: str) -> None:
    assert any(text in sentence for sentence in advise(given, DEFECTS))


def test_a_configuration_without_problems_gets_no_advice() -> None:
    options = (("max-requests-delta", "3"), ("binary-path", "/v/bin/python"), ("max-worker-lifetime", "60"))
    options += (("threads", "1"), ("master-fifo", "/run/f"))
    assert advise(findings(HEALTHY, *options, pin="2.0.30.post1"), DEFECTS) == []
    assert advise(findings(HEALTHY, pin=None), DEFECTS) == []


def test_a_reload_that_would_end_a_pyuwsgi_in_a_venv_gets_a_warning() -> None:
    advice = advise(findings(HEALTHY, ("touch-reload", "app.py"), pin="2.0.30.post1"), DEFECTS)
    assert advice[0].startswith("touch-reload is set, and a reload")
    assert advice[0].endswith("Set binary-path = /v/bin/python.")
    assert "SIGTERM as well" in advise(replace(findings(), options=MASTER[:1]), DEFECTS)[0]
