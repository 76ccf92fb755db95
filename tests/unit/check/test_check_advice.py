"""What is advised, on which facts; how it is said to people, to CI, and when nothing could be measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stacks import catalogue
from stacks.check import log_reasons
from stacks.check.advice import Facts, advise, cause
from stacks.check.answer import Checked, write_failure
from stacks.check.measurement import Measured
from stacks.check.neutralise import Neutral
from stacks.check.remedies import Remedy, Tried, is_before, remedies, with_upgrade
from stacks.check.server import Server
from stacks.run.probe import Answer, objection

KNOWN = frozenset("enable-threads lazy-apps py-call-uwsgi-fork-hooks skip-atexit-teardown max-requests-delta".split())
MASTER = [("master", "true"), ("die-on-term", "true")]
HEALTHY = Measured("results/x", "recovers", "12 of 12", None, None, 12, 0, 0, 0.9, 1.0, 60)
HUNG = replace(HEALTHY, verdict="hung_worker", hung=4, respawns=0, recycle_median_s=None, reason="4 workers hung")
DEFECTS = catalogue.load().defects


def server(pin: str | None = "2.0.26", python: str = "3.12.1") -> Server:
    return Server(Path("/v/bin/uwsgi"), pin or "2.0.31", pin, python, None)


def facts(base: Measured = HEALTHY, *options: tuple[str, str], pin: str | None = "2.0.26", **more: object) -> Facts:
    python = str(more.pop("python", "3.12.1"))
    return Facts(server(pin, python), [*MASTER, *options], KNOWN, [], base, **more)  # type: ignore[arg-type]


def remedy(name: str) -> Remedy:
    return next(remedy for remedy in remedies() if remedy.name == name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (facts(HUNG, ("threads", "2")), "thread-state"),
        (facts(replace(HUNG, verdict="hung_master"), ("threads", "2")), "thread-state-in-master"),
        (facts(HUNG, ("threads", "2"), threads=["T"], pin="2.0.30.post1"), "thread-at-fork"),
        (facts(HUNG, ("threads", "2"), threads=["T"], pin=None), "thread-at-fork"),
        (facts(HUNG, ("threads", "2"), threads=["T"], python="3.11.7"), "thread-at-fork"),
        (facts(replace(HUNG, master_threads=2), pin="2.0.30.post1"), "thread-at-fork"),
        (facts(replace(HUNG, verdict="hung_exit"), ("threads", "2"), pin="2.0.23.post0"), "exit-stall"),
        (facts(replace(HUNG, verdict="crash_loop"), ("py-call-osafterfork", "1")), "after-fork-crash"),
        (facts(replace(HUNG, verdict="hung_request"), threads=["T"], pin="2.0.30.post1"), "lock-at-fork"),
        (facts(replace(HUNG, verdict="hung_request"), pin="2.0.30.post1"), None),
        (facts(replace(HUNG, verdict="dead_master"), threads=["T"]), None),
        (facts(HUNG, pin="2.0.30.post1"), None),
        (facts(HEALTHY, ("threads", "2")), None),
    ],
)
def test_the_cause_is_told_from_version_options_and_threads(given: Facts, expected: str | None) -> None:
    assert cause(given) == expected


def test_two_defects_at_once_are_both_named_and_cured_together() -> None:
    both = with_upgrade(remedy("lazy-apps"), remedy("upgrade"))
    tried = [
        Tried(remedy("upgrade"), HUNG, target="2.0.30.post1"),
        Tried(remedy("lazy-apps"), HUNG),
        Tried(both, HEALTHY, target="2.0.30.post1"),
    ]
    said = advise(facts(HUNG, ("threads", "2"), threads=["exporter (app.work)"], tried=tried), DEFECTS)
    assert "unbit/uwsgi#2659" in said[0]
    assert "exporter (app.work)" in said[1]
    assert "unbit/uwsgi#1149" in said[1]
    assert "So: lazy-apps = true and upgrade pyuwsgi to 2.0.30.post1." in said


def test_an_upgrade_that_leaves_a_thread_in_the_master_is_no_cure_however_many_came_back() -> None:
    both = with_upgrade(remedy("lazy-apps"), remedy("upgrade"))
    tried = [
        Tried(remedy("upgrade"), HEALTHY, target="2.0.30.post1", leaves_threads=True),
        Tried(both, HEALTHY, target="2.0.30.post1"),
    ]
    said = advise(facts(HUNG, ("threads", "2"), threads=["exporter (app.work)"], tried=tried), DEFECTS)
    assert any("2.0.30.post1: no cure, though 0 of 12 hung here" in line for line in said)
    assert "So: lazy-apps = true and upgrade pyuwsgi to 2.0.30.post1." in said


def test_the_headline_names_the_bug_the_cure_and_what_does_not_help() -> None:
    tried = [Tried(remedy("upgrade"), HEALTHY, target="2.0.30.post1"), Tried(remedy("lazy-apps"), HUNG)]
    said = "\n".join(advise(facts(HUNG, ("threads", "2"), tried=tried), DEFECTS))
    assert "pyuwsgi 2.0.26 on Python 3.12.1" in said
    assert "unbit/uwsgi#2659" in said
    assert "4 of 4 hung" in said
    assert "lazy-apps = true: does not help, 4 of 4 hung" in said
    assert "So: upgrade pyuwsgi to 2.0.30.post1." in said


def test_threads_of_the_app_are_named_and_both_cures_are_counted() -> None:
    tried = [Tried(remedy("lazy-apps"), HEALTHY), Tried(remedy("fork-hooks"), HEALTHY)]
    given = facts(HUNG, ("enable-threads", "1"), threads=["exporter", "sched"], tried=tried, pin="2.0.30.post1")
    said = "\n".join(advise(given, DEFECTS))
    assert "starts 2 threads at import: exporter, sched" in said
    assert "0 of 12 hung" in said


def test_a_thread_that_did_no_harm_yet_is_told_all_the_same() -> None:
    assert any("None of 12 respawns hung" in line for line in advise(facts(threads=["T"]), DEFECTS))
    assert not any("None of" in line for line in advise(facts(HEALTHY, ("lazy-apps", "1"), threads=["T"]), DEFECTS))


def test_an_unknown_hang_says_what_a_report_needs() -> None:
    assert "no defect that fits" in advise(facts(HUNG, pin="2.0.30.post1"), DEFECTS)[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (replace(facts(), options=[("max-requests", "9"), *MASTER[1:]]), "reaches its limit ends the instance"),
        (replace(facts(), options=MASTER[1:]), "a worker that crashes does not come back"),
        (replace(facts(), options=MASTER[:1]), "die-on-term is not set"),
        (facts(HEALTHY, ("max-requests", "9")), "Add max-requests-delta."),
        (facts(HEALTHY, ("max-requests", "500"), ("processes", "4")), "Add max-requests-delta = 125."),
        (facts(), "as soon as threads are switched on"),
        (facts(HUNG, ("threads", "2"), ("mule", "m.py")), "a mule never starts"),
        (facts(pin="2.0.27.post1"), "2.0.27 freezes"),
        (facts(HEALTHY, ("max-worker-lifetime", "60"), ("threads", "2")), "at night may be never"),
        (
            facts(HEALTHY, ("hook-master-start", "unix_signal:15 gracefully_kill_them_all"), pin="2.0.30"),
            "waits for every request",
        ),
        (facts(HEALTHY, *[("master-fifo", "/run/f")] * 3, pin="2.0.29"), "the old master never ends"),
        (facts(HEALTHY, ("py-call-osafterfork", "1")), "take it out"),
        (replace(facts(), unknown=["enable-thraeds"]), "did you mean enable-threads"),
        (facts(replace(HEALTHY, lost={"reset": 3}), ("http11-socket", ":1")), "3 of 60 requests were reset"),
        (facts(replace(HEALTHY, lost={"timeout": 2})), "2 of 60 requests timed out"),
        (facts(replace(HEALTHY, statuses={"404": 60})), "--url"),
    ],
)
def test_what_a_configuration_should_change(given: Facts, says: str) -> None:
    assert any(says in line for line in advise(given, DEFECTS))


def test_nothing_is_advised_where_nothing_is_wrong() -> None:
    options = (("max-requests-delta", "3"), ("binary-path", "/v/bin/python"), ("max-worker-lifetime", "60"))
    options += (("threads", "1"), ("master-fifo", "/run/f"))
    assert advise(facts(HEALTHY, *options, pin="2.0.30.post1"), DEFECTS) == []
    assert advise(facts(HEALTHY, pin=None), DEFECTS) == []


def test_a_reload_that_would_end_a_pyuwsgi_in_a_venv_is_told() -> None:
    said = advise(facts(HEALTHY, ("touch-reload", "app.py"), pin="2.0.30.post1"), DEFECTS)
    assert said[0].startswith("touch-reload is set, and a reload")
    assert said[0].endswith("Set binary-path = /v/bin/python.")
    assert "SIGTERM as well" in advise(replace(facts(), options=MASTER[:1]), DEFECTS)[0]


@pytest.mark.parametrize(
    ("name", "verdict", "options", "pin", "expected"),
    [
        ("upgrade", "hung_worker", [], "2.0.26", True),
        ("upgrade", "hung_worker", [], "2.0.30.post1", False),
        ("upgrade", "hung_worker", [], None, False),
        ("lazy-apps", "hung_worker", [("lazy-apps", "true")], "2.0.26", False),
        ("lazy-apps", "hung_exit", [], "2.0.26", False),
        ("no-threads", "hung_worker", [("threads", "2")], "2.0.26", True),
        ("no-threads", "hung_worker", [("threads", "2")], "2.0.28.post1", False),
        ("no-threads", "hung_worker", [], "2.0.26", False),
        ("skip-atexit-teardown", "hung_exit", [], "2.0.23", True),
        ("lazy-apps", "hung_request", [], "2.0.30.post1", True),
        ("fork-hooks", "hung_request", [], "2.0.30.post1", True),
        ("no-osafterfork", "crash_loop", [("py-call-osafterfork", "true")], "2.0.30", True),
    ],
)
def test_which_remedies_apply(
    name: str, verdict: str, options: list[tuple[str, str]], pin: str | None, expected: bool
) -> None:
    assert remedy(name).applies(verdict, Neutral(options=options), KNOWN, server(pin)) is expected


def test_a_remedy_changes_a_copy() -> None:
    neutral = Neutral(options=[("threads", "2"), ("master", "true")])
    assert remedy("no-threads").apply(neutral).options == [("master", "true")]
    assert ("lazy-apps", "true") in remedy("lazy-apps").apply(neutral).options
    assert neutral.options == [("threads", "2"), ("master", "true")]
    assert neutral.changes == []


def test_versions_are_ordered() -> None:
    assert is_before("2.0.26", "2.0.27")
    assert not is_before("2.0.27.post1", "2.0.27")
    assert not is_before("2.1-dev-abc", "2.0.27")


@pytest.mark.parametrize(
    ("log", "error", "says"),
    [
        (
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\nunable to load app 0",
            "",
            "No module named 'x'",
        ),
        ("unable to load app 0 (mountpoint='') (callable not found or import error)", "", "no such callable"),
        ("failed to open python file a.py\nunable to load app 0 (callable not found or import error)", "", "a.py"),
        ("--- no python application found, check", "", "names none"),
        ("!!! Python Home is not a directory: /v", "", "/v does not exist"),
        ("chdir(): No such file or directory [core/uwsgi.c line 1]", "", "--chdir"),
        ("--- Python VM already initialized ---", "no worker was ready after 4 s; log", "--start-limit"),
        ("all is well", "what the run knows", "what the run knows"),
    ],
)
def test_a_log_is_explained(log: str, error: str, says: str) -> None:
    assert says in log_reasons.explain(log, error)


def test_an_app_that_opens_its_output_needs_a_pipe() -> None:
    assert log_reasons.needs_pipe("OSError: [Errno 6] No such device or address: '/dev/stdout'")
    assert not log_reasons.needs_pipe("hello")


def test_too_few_respawns_are_explained() -> None:
    assert "Only 12 workers came back" in log_reasons.too_few(HEALTHY)
    assert "--url" in log_reasons.too_few(replace(HEALTHY, recycle_median_s=None, latency_p50_s=2.0))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, 3, 0.01), ""),
        (Answer(404, 3, 0.01), ""),
        (Answer(500, 3, 0.01), "answers 500"),
        (Answer(200, 20_000_000, 0.1), "more than 1 MB"),
        (Answer(error="TimeoutError: timed out", latency_s=6.1), "not answered within"),
        (Answer(error="RemoteDisconnected: closed", latency_s=0.1), "connection ended"),
    ],
)
def test_a_page_that_cannot_be_hammered(answer: Answer, says: str) -> None:
    assert says in objection(answer, "/page")
    assert bool(objection(answer, "/page")) is bool(says)


def test_the_answer_for_ci(tmp_path: Path) -> None:
    base = replace(HUNG, evidence="take_gil\x00 <- <x>", stop_signal="KILL", stop_s=3.0, unanswered=8)
    checked = Checked(facts(base, ("threads", "2")), Neutral(workers=2), ["do & this"], tmp_path, 9.0)
    checked.write(tmp_path / "out.json", tmp_path / "out.xml")
    value = json.loads((tmp_path / "out.json").read_text())
    assert (value["verdict"], value["recovers"], value["cause"]) == ("hung_worker", False, "thread-state")
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own file
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    assert "DO NOT come back" in checked.text()
    assert "8 never answered" in checked.text()
    assert "of the respawns hang" not in checked.text()


def test_a_check_that_passes_says_what_it_rules_out(tmp_path: Path) -> None:
    text = Checked(facts(), Neutral(workers=2), [], tmp_path, 9.0).text()
    assert "fewer than 22 % of the respawns hang (95 %, n = 12)" in text
    assert "not: reloads" in text


def test_what_is_in_an_environment_stays_there(tmp_path: Path) -> None:
    neutral = Neutral(options=[("env", "PASSWORD=secret"), ("module", "app")])
    checked = Checked(facts(HEALTHY, ("env", "PASSWORD=secret")), neutral, [], tmp_path, 9.0)
    assert "secret" not in json.dumps(checked.as_json())
    assert ["env", "PASSWORD=..."] in checked.as_json()["run"]


def test_a_failure_for_ci(tmp_path: Path) -> None:
    write_failure(tmp_path / "out.json", tmp_path / "out.xml", "why not")
    assert json.loads((tmp_path / "out.json").read_text())["error"] == "why not"
    assert ElementTree.parse(tmp_path / "out.xml").getroot().get("errors") == "1"  # noqa: S314 - our own file
