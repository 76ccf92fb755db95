"""The reasons of a check that could not measure: from the log of uWSGI, and from a run with too few respawns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, findings
from rows import healthy, judged, row

from stacks.check.advice import advise
from stacks.check.failure_reasons import explain_failed_start, explain_too_few_respawns, needs_pipe
from stacks.lifecycle.lifecycle import HEARTBEAT_GAP_S


@pytest.mark.parametrize(
    ("log", "error", "text"),
    [
        (
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\nunable to load app 0",
            "",
            "No module named 'x'",
        ),
        ("unable to load app 0 (mountpoint='') (callable not found or import error)", "", "no such callable"),
        (
            "ModuleNotFoundError: No module named 'nosuch'\nunable to load app 0 (callable not found or import error)",
            "",
            "The module nosuch does not exist from here",
        ),
        ("failed to open python file a.py\nunable to load app 0 (callable not found or import error)", "", "a.py"),
        ("--- no python application found, check", "", "names none"),
        ("!!! Python Home is not a directory: /v", "", "/v does not exist"),
        ("chdir(): No such file or directory [core/uwsgi.c line 1]", "", "--chdir"),
        ("--- Python VM already initialized ---", "no worker was ready after 4 s; log", "--start-limit"),
        ("all is well", "the reason of the run", "the reason of the run"),
    ],
)
def test_a_log_is_explained(log: str, error: str, text: str) -> None:
    assert text in explain_failed_start(log, error)


@pytest.mark.parametrize(
    ("log", "helps"),
    [
        ("failed to open python file app.py\nunable to load app 0", True),
        ("failed to open python file /srv/app.py\nunable to load app 0", False),
        ("Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\nunable to load app 0", True),
        ("Traceback (most recent call last):\nKeyError: 'DATABASE_URL'\nunable to load app 0", False),
    ],
)
def test_another_directory_is_recommended_only_where_it_helps(log: str, helps: bool) -> None:
    assert ("--chdir" in explain_failed_start(log, "")) is helps


def test_an_app_that_opens_its_output_needs_a_pipe() -> None:
    assert needs_pipe("OSError: [Errno 6] No such device or address: '/dev/stdout'")
    assert not needs_pipe("hello")


@pytest.mark.parametrize(
    ("phases", "says", "says_not"),
    [
        (
            {"exit": 30.1, "reap": 0.7, "start": 0.1},
            ("30.1 s of it the exit", "py-call-uwsgi-fork-hooks"),
            "import slow",
        ),
        ({"exit": 0.1, "reap": 0.7, "start": 30.1}, ("30.1 s of it the start", "makes the import slow"), "fork-hooks"),
        ({"exit": 0.1, "reap": 30.1, "start": 0.1}, ("30.1 s of it the master", "what keeps the master"), "import"),
    ],
)
def test_the_slow_phase_of_a_recycle_is_named_with_what_helps(
    phases: dict[str, float], says: tuple[str, str], says_not: str
) -> None:
    run = replace(HEALTHY, recycle_median_s=30.9, recycle_phases_s=phases)
    for text in (explain_too_few_respawns(run), *advise(findings(run), {})):
        if "A recycle takes 30" in text:
            assert all(part in text for part in says)
            assert says_not not in text.replace("(with lazy-apps the import of the app)", "")
    assert sum("A recycle takes 30" in text for text in advise(findings(run), {})) == 1
    assert "A recycle takes 30" in explain_too_few_respawns(run)
    assert not any("A recycle takes" in text for text in advise(findings(HEALTHY), {}))


def test_too_few_respawns_are_explained() -> None:
    assert "Only 12 workers came back" in explain_too_few_respawns(HEALTHY)
    slow_page = explain_too_few_respawns(replace(HEALTHY, latency_p50_s=3.0))
    assert "too few requests were answered (an answer takes 3.0 s)" in slow_page
    assert "A recycle takes 30.9 s here" in explain_too_few_respawns(replace(HEALTHY, recycle_median_s=30.9))
    none = replace(HEALTHY, respawns=0, recycle_median_s=None, latency_p50_s=2.0)
    assert explain_too_few_respawns(none).startswith("No worker recycled, because")
    assert "--url" in explain_too_few_respawns(none)
    leaving = explain_too_few_respawns(replace(none, exit_max_s=58.2))
    assert "began to exit, and still lived 58 s later" in leaving
    assert "--url" not in leaving
    assert "(atexit)" in leaving
    dead = explain_too_few_respawns(replace(none, crashed=1))
    assert dead.startswith("1 worker died, and none came back")


def test_a_run_whose_observer_was_held_up_asks_for_a_quiet_machine() -> None:
    """The reason comes from the judge, whose sentence `explain_too_few_respawns` recognises."""
    beats = [row(t, "heartbeat", source="observer") for t in (0.0, 1.0, 1.1 + HEARTBEAT_GAP_S)]
    judgement = judged(sorted([*healthy(3), *beats], key=lambda event: event.t_ns))
    run = replace(HEALTHY, verdict=judgement.verdict, reason=judgement.reason)
    assert run.verdict == "invalid"
    assert "run nothing else on this machine" in explain_too_few_respawns(run)


def test_an_answer_whose_end_no_client_can_tell_is_named() -> None:
    """A connection of http11-socket stays open for 4 s after an answer without a Content-Length."""
    kept = replace(HEALTHY, verdict="invalid", respawns=0, latency_p50_s=8.1, probe_tail_s=4.0)
    assert "sends no Content-Length" in explain_too_few_respawns(kept)
    assert "Content-Length" not in explain_too_few_respawns(replace(kept, probe_tail_s=0.0))
