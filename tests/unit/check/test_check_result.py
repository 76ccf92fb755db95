"""The result of a check: as text for people, and as JSON and JUnit for CI."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_builders import HEALTHY, HUNG, findings, recycled, remedy
from contract import problems

from stacks.check import check
from stacks.check.check_result import CheckResult, write_failure
from stacks.check.measurement import Measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.remedy_trial import RemedyTrial
from stacks.lifecycle import disk_room
from stacks.lifecycle.lost_threads import ThreadGroup, ThreadTable


def test_the_result_of_a_hang(tmp_path: Path) -> None:
    run = replace(HUNG, evidence="take_gil\x00 <- <x>", stop_signal="KILL", stop_s=3.0, unanswered=8)
    neutral = NeutralConfiguration(workers=2)
    result = CheckResult(findings(run, ("threads", "2")), neutral, [recycled(run)], ["do & this"], tmp_path, 9.0)
    result.write(tmp_path / "out.json", tmp_path / "out.xml")
    value = json.loads((tmp_path / "out.json").read_text())
    assert (value["verdict"], value["recovers"], value["cause"]) == ("hung_worker", False, "thread-state")
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own file
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    assert "DO NOT come back" in result.text()
    assert "8 never answered" in result.text()
    assert "of the respawns hang" not in result.text()


def test_the_changes_in_check_json_have_the_keys_of_the_file_contract(tmp_path: Path) -> None:
    neutral = NeutralConfiguration()
    neutral.note("stats", ":1717", "", "why")
    (change,) = CheckResult(findings(), neutral, [recycled(HEALTHY)], [], tmp_path, 9.0).as_json()["changes"]
    assert change == {"option": "stats", "theirs": ":1717", "ours": "", "why": "why"}


def test_the_text_of_a_check_that_passes_says_what_it_rules_out(tmp_path: Path) -> None:
    text = CheckResult(findings(), NeutralConfiguration(workers=2), [recycled(HEALTHY)], [], tmp_path, 9.0).text()
    assert "so at most 24 % of the respawns hang (95 % interval of 0 in 12, Wilson)" in text


def table(in_workers: int, *, answered: bool = True) -> ThreadTable:
    """Two threads of the master, and how many of two workers have the first and the second."""
    pool = ThreadGroup("ThreadPoolExecutor-0_0", "python", "standard library", "thread.py", 3, 0)
    scheduler = ThreadGroup("APScheduler", "python", "apscheduler", "blocking.py", 1, in_workers)
    return ThreadTable((scheduler, pool), 2, answered=answered, reason="")


def healthy_result(path: Path, threads: ThreadTable | None) -> CheckResult:
    run = replace(HEALTHY, fork_threads=threads)
    return CheckResult(findings(run), NeutralConfiguration(), [recycled(run)], [], path, 9.0)


def test_threads_that_no_worker_has_are_named_where_nothing_hangs(tmp_path: Path) -> None:
    result = CheckResult(
        findings(replace(HEALTHY, fork_threads=table(0))),
        NeutralConfiguration(),
        [recycled(HEALTHY)],
        [],
        tmp_path,
        9.0,
    )
    said = (
        "4 threads of your app live in the master only; no worker does their work: APScheduler (of apscheduler), "
        "ThreadPoolExecutor-0_0 and 2 more (of the standard library). With lazy-apps each worker has its own."
    )
    assert f"\nthreads: {said}\n" in result.text()
    value = result.as_json()
    assert value["lost_threads"] == {"said": said, "remedies": []}
    assert value["measured"]["fork_threads"]["threads"][0]["in_workers"] == 0


def test_each_remedy_says_how_many_of_the_lost_threads_come_back(tmp_path: Path) -> None:
    trials = [
        RemedyTrial(remedy("fork-hooks"), replace(HEALTHY, fork_threads=table(2))),
        RemedyTrial(remedy("lazy-apps"), replace(HEALTHY, fork_threads=table(2, answered=False))),
        RemedyTrial(remedy("upgrade"), None, "no index"),
    ]
    hung = findings(replace(HUNG, fork_threads=table(0, answered=False)), remedy_trials=trials)
    result = CheckResult(hung, NeutralConfiguration(), [recycled(HUNG)], [], tmp_path, 9.0)
    assert result.as_json()["lost_threads"]["remedies"] == [
        {"what": remedy("fork-hooks").what, "come_back": 1, "lost": 4}
    ]
    assert "With py-call-uwsgi-fork-hooks = true 1 of 4 comes back." in result.text()
    assert "With lazy-apps each worker has its own." in result.text()


def test_a_check_that_saw_no_lost_thread_says_nothing_of_threads(tmp_path: Path) -> None:
    result = healthy_result(tmp_path, None)
    assert "threads:" not in result.text()
    assert result.as_json()["lost_threads"] is None


def test_values_of_the_environment_are_not_in_the_result(tmp_path: Path) -> None:
    neutral = NeutralConfiguration(options=[("env", "PASSWORD=secret"), ("module", "app")])
    result = CheckResult(findings(HEALTHY, ("env", "PASSWORD=secret")), neutral, [recycled(HEALTHY)], [], tmp_path, 9.0)
    assert "secret" not in json.dumps(result.as_json())
    assert ["env", "PASSWORD=..."] in result.as_json()["run"]


def test_the_files_of_a_check_that_could_not_measure(tmp_path: Path) -> None:
    write_failure(tmp_path / "out.json", tmp_path / "out.xml", "why not", 6.5)
    value = json.loads((tmp_path / "out.json").read_text())
    assert (value["error"], value["seconds"]) == ("why not", 6.5)
    assert problems("check", value) == []
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own file
    assert (suite.get("errors"), suite.get("time")) == ("1", "6.5")
    assert [case.get("time") for case in suite.iter("testcase")] == ["6.5"]


UNSTOPPED = [
    {
        "pid": 7,
        "role": "worker",
        "starting": False,
        "waits": ["futex"],
        "frames": ["__futex", "wait_for_thread_shutdown", "Py_FinalizeEx"],
    },
    {"pid": 5, "role": "master", "starting": False, "waits": ["do_epoll_wait"], "frames": []},
]


def stop_case(run: Measurement, path: Path) -> tuple[list[str], str]:
    """Return the tags below the test case of the stop, and the text for people."""
    result = CheckResult(findings(run), NeutralConfiguration(), [recycled(run)], [], path, 9.0)
    result.write(None, path / "out.xml")
    suite = ElementTree.parse(path / "out.xml").getroot()  # noqa: S314 - our own file
    case = next(case for case in suite.iter("testcase") if case.get("name") == "stops when asked")
    return [child.tag for child in case], result.text()


def test_a_stop_that_needs_sigkill_says_who_had_not_ended_and_fails_its_test_case(tmp_path: Path) -> None:
    run = replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=UNSTOPPED)
    tags, text = stop_case(run, tmp_path)
    assert tags == ["failure"]
    assert "only SIGKILL ended the instance, 10.1 s after the first signal: 1 worker and the master had not" in text
    assert "the worker waited in wait_for_thread_shutdown <- Py_FinalizeEx" in text


def test_the_stop_of_an_instance_whose_workers_hang_is_skipped_and_never_passes(tmp_path: Path) -> None:
    run = replace(HUNG, stop_signal="KILL", stop_s=3.4, unstopped=UNSTOPPED)
    assert stop_case(run, tmp_path)[0] == ["skipped"]
    assert stop_case(replace(run, stop_signal=None, stop_s=None), tmp_path)[0] == ["skipped"]


def test_a_stop_by_the_first_signal_passes(tmp_path: Path) -> None:
    assert stop_case(replace(HEALTHY, stop_signal="INT", stop_s=1.1), tmp_path)[0] == []


def test_without_a_backtrace_the_waits_stand_for_it(tmp_path: Path) -> None:
    unstopped = [process | {"frames": []} for process in UNSTOPPED]
    run = replace(HEALTHY, stop_signal="KILL", stop_s=10.1, unstopped=unstopped)
    assert "the worker waited in futex" in stop_case(run, tmp_path)[1]


@pytest.mark.parametrize("name", ["check.json", "report.html", "metrics.txt"])
def test_a_check_whose_files_cannot_be_written_says_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """It was `could not check: [Errno 28] No space left on device`, without the verdict and without the file."""
    monkeypatch.setattr(disk_room, "RESULTS", tmp_path)
    (tmp_path / name).mkdir()  # even root cannot write a file in its place
    options = Namespace(json=None, junit=None, ini=None, code_quality=None, metrics=tmp_path / "metrics.txt")
    assert check.hand_over(healthy_result(tmp_path, None), options) == check.EXIT_NOT_MEASURED
    said = capsys.readouterr()
    assert "recovers" in said.out
    assert said.err.startswith(f"check: {tmp_path / name}: cannot be written (Is a directory). Make it writable, or ")
