"""The reasons of a check that could not measure: from the log of uWSGI, and from a run with too few respawns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY
from rows import healthy, judged, row

from stacks.check.failure_reasons import explain_failed_start, explain_too_few_respawns, needs_pipe
from stacks.lifecycle.verdict import HEARTBEAT_GAP_S


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


def test_too_few_respawns_are_explained() -> None:
    assert "Only 12 workers came back" in explain_too_few_respawns(HEALTHY)
    assert "--url" in explain_too_few_respawns(replace(HEALTHY, recycle_median_s=None, latency_p50_s=2.0))


def test_a_run_whose_observer_was_held_up_asks_for_a_quiet_machine() -> None:
    """The reason comes from the judge, whose sentence `explain_too_few_respawns` recognises."""
    beats = [row(t, "heartbeat", source="observer") for t in (0.0, 1.0, 1.1 + HEARTBEAT_GAP_S)]
    judgement = judged(sorted([*healthy(3), *beats], key=lambda event: event.t_ns))
    run = replace(HEALTHY, verdict=judgement.verdict, reason=judgement.reason)
    assert run.verdict == "invalid"
    assert "run nothing else on this machine" in explain_too_few_respawns(run)
