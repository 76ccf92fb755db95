"""The advice: which sentences follow from which findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, MASTER, findings, recycled, remedy, taken

from stacks import catalogue
from stacks.check.advice import advise
from stacks.check.diagnosis import Findings
from stacks.check.remedies import with_upgrade
from stacks.check.remedy_trial import RemedyTrial
from stacks.check.ways.taken import TakenWay

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


def test_a_python_without_a_gil_is_not_told_of_the_gil() -> None:
    without_gil = replace(findings(pin=None).server, is_free_threaded=True)
    for evidence in ("stop_the_world <- _imp_create_dynamic_impl", "1 thread(s) in futex-timed"):
        run = replace(HUNG, evidence=evidence)
        given = replace(findings(run, pin=None, import_threads=["exporter (app.work)"]), server=without_gil)
        (about, *_) = advise(given, DEFECTS)
        assert "on free-threaded Python" in about
        assert "waits for ever for it to stop" in about
        assert "GIL" not in about
        assert "unbit/uwsgi#1149" in about
    # pyuwsgi turns the GIL on.
    with_gil = replace(findings(pin="2.0.30.post1").server, is_free_threaded=True)
    given = replace(findings(replace(HUNG, evidence="take_gil"), import_threads=["T"]), server=with_gil)
    assert "holds the GIL" in advise(given, DEFECTS)[0]


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
            findings(HEALTHY, ("max-worker-lifetime", "60"), ("threads", "2"), pin=None, version="2.0.21-debian"),
            "does not wait for the requests of its other threads",
        ),
        (findings(HEALTHY, ("threads", "2"), pin=None, version="2.0.21-debian"), "has not seen it in 12 respawns"),
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


def unstopped(role: str, *frames: str, starting: bool = False) -> list[dict[str, object]]:
    return [{"pid": 7, "role": role, "starting": starting, "waits": ["futex"], "frames": list(frames)}]


# A signal that came in the middle of an allocation: uWSGI's handler calls exit, whose handlers free memory.
IN_HANDLER = ("futex_wait", "__GI___lll_lock_wait_private", "_int_free", "__GI___libc_free", "__run_exit_handlers")
IN_HANDLER += ("__GI_exit", "uwsgi_exit", "end_me", "_int_realloc", "__GI___libc_realloc")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            findings(
                replace(
                    HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("worker", "wait_for_thread_shutdown")
                ),
                import_threads=["reporter (app.run)"],
                pin="2.0.30.post1",
            ),
            "waits for the end of a thread that only the master has (reporter (app.run)). Known remedy: lazy-apps",
        ),
        (
            findings(
                replace(
                    HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("worker", "wait_for_thread_shutdown")
                ),
                ("lazy-apps", "true"),
            ),
            "waits for the end of a thread of its own. Known remedy: daemon threads",
        ),
        (
            findings(
                replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("worker", "_PyAtExit_Call"))
            ),
            "An exit handler of the app (atexit) waits there",
        ),
        (
            findings(replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("worker", starting=True))),
            "1 worker was still starting when the signal came, and a respawned worker has the signal handlers",
        ),
        (
            findings(replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("worker", *IN_HANDLER))),
            "uWSGI ends a worker inside its signal handler",
        ),
        (
            findings(replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped("master", "epoll_wait"))),
            "the master had not ended, and the master waited in epoll_wait",
        ),
    ],
)
def test_a_stop_that_needs_sigkill_is_explained(given: Findings, text: str) -> None:
    assert any(text in sentence for sentence in advise(given, DEFECTS))


def test_a_stop_by_the_first_signal_and_the_stop_of_a_hang_get_no_sentence() -> None:
    for run in (replace(HEALTHY, stop_signal="INT", stop_s=1.0), replace(HUNG, stop_signal="KILL", stop_s=3.4)):
        assert not any("SIGINT" in sentence for sentence in advise(findings(run), DEFECTS))


def test_a_thread_that_a_worker_waits_for_at_its_exit_is_named_and_skipping_the_exit_is_no_cure() -> None:
    run = replace(HUNG, verdict="hung_exit", evidence="wait_for_thread_shutdown <- Py_FinalizeEx", master_threads=2)
    trials = [
        RemedyTrial(remedy("lazy-apps"), replace(HUNG, verdict="hung_exit")),
        RemedyTrial(remedy("fork-hooks"), HEALTHY),
        RemedyTrial(remedy("skip-atexit-teardown"), HEALTHY, leaves_threads=True),
    ]
    given = findings(run, import_threads=["reporter (app.run)"], pin="2.0.30.post1", remedy_trials=trials)
    text = "\n".join(advise(given, DEFECTS))
    assert "waits for the end of a thread that runs in the master only" in text
    assert "starts 1 thread at import: reporter (app.run)" in text
    assert "skip-atexit-teardown = true: no cure, although 0 of 12 workers hung here" in text
    assert "Recommended change: py-call-uwsgi-fork-hooks = true." in text


def test_workers_that_hang_in_another_way_are_told_apart() -> None:
    run = replace(HUNG, hung=8, hung_at_exit=6, evidence="take_gil <- PyEval_RestoreThread")
    text = "\n".join(advise(findings(run, import_threads=["APScheduler"], pin="2.0.30.post1"), DEFECTS))
    assert "6 workers hung in another way: at the exit of a worker Python" in text
    assert "hung in another way" not in "\n".join(advise(findings(HUNG, import_threads=["T"]), DEFECTS))


def test_a_remedy_that_moves_the_hang_to_the_fork_is_told_as_such() -> None:
    trial = RemedyTrial(remedy("skip-atexit-teardown"), HUNG, leaves_threads=True)
    assert trial.describe().endswith("moves the hang to the fork, 4 of 4 workers hung there")


UNIX, TCP = ("socket", "/run/app.sock"), ("http-socket", "127.0.0.1:8000")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((UNIX,), "holds 100: with more than 25 requests/s it is full, and a further connection is refused at once"),
        ((UNIX, ("listen", "1024")), "holds 1024: with more than 256 requests/s"),
        ((TCP,), "a further connection is repeated 1 s and 3 s later. A chain reload (touch-chain-reload, with lazy"),
        ((TCP, ("lazy-apps", "true")), "A chain reload (touch-chain-reload) keeps"),
    ],
)
def test_a_reload_that_answers_nothing_for_long_may_fill_the_listen_queue(
    options: tuple[tuple[str, str], ...], says: str
) -> None:
    ways = [recycled(HEALTHY), taken("hup", nothing_s=2.5), taken("touch-reload", nothing_s=4.0)]
    advice = advise(findings(HEALTHY, *options), DEFECTS, ways)
    (sentence,) = [text for text in advice if "listen queue" in text]
    assert sentence.startswith("touch-reload answers nothing for 4.0 s.")
    assert says in sentence


@pytest.mark.parametrize("way", [taken("hup", nothing_s=1.4), taken("hup", "hung_worker", nothing_s=9.0)])
def test_a_reload_that_is_quick_or_fails_says_nothing_of_the_queue(way: TakenWay) -> None:
    assert not any("listen queue" in text for text in advise(findings(HEALTHY, UNIX), DEFECTS, [way]))
