"""The answer of a check in ten lines, the change that helps most, and its lines in the user's own format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from check_builders import HEALTHY, HUNG, findings, recycled, remedy, stopped, taken
from html_page import Page

from stacks.check.best_change import BestChange, ChangeTrial, best_change, changes
from stacks.check.check_result import CheckResult
from stacks.check.diagnosis import Findings
from stacks.check.invocation import Invocation
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.paste_lines import PastePlace, paste_lines, paste_place
from stacks.check.remedy_trial import RemedyTrial
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.way import RELOAD

CHANGE = BestChange("why", (("binary-path", "/a b/100%/python"), ("lazy-apps", "true")), ("threads",), "pyuwsgi==2")


def result(directory: Path, found: Findings, ways: list[TakenWay], advice: list[str]) -> CheckResult:
    return CheckResult(found, NeutralConfiguration(workers=2), ways, advice, directory, 9.0)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("ini", ["binary-path = /a b/100%%/python", "lazy-apps = true", "remove: threads = 2"]),
        ("yaml", ['  binary-path: "/a b/100%%/python"', "  lazy-apps: true", "remove:   threads: 2"]),
        ("json", ['"binary-path": "/a b/100%%/python",', '"lazy-apps": true,', 'remove: "threads": "2",']),
        ("xml", ["<binary-path>/a b/100%%/python</binary-path>", "<lazy-apps/>", "remove: <threads>2</threads>"]),
        ("command", ["--binary-path '/a b/100%/python'", "--lazy-apps", "remove: --threads 2"]),
        ("array", ['"--binary-path", "/a b/100%/python",', '"--lazy-apps",', 'remove: "--threads", "2",']),
        (
            "environment",
            ["UWSGI_BINARY_PATH='/a b/100%/python'", "UWSGI_LAZY_APPS=true", "remove: UWSGI_THREADS=2"],
        ),
    ],
)
def test_a_change_is_written_in_the_form_of_the_user(form: str, expected: list[str]) -> None:
    lines = paste_lines(CHANGE, PastePlace(form, "x"), {"threads": "2"})
    assert lines == [*expected, "pip install pyuwsgi==2"]


@pytest.mark.parametrize(
    ("config", "arguments", "environment", "form", "where"),
    [
        ("/x/uwsgi.ini", (), {}, "ini", "/x/uwsgi.ini"),
        ("/x/uwsgi.ini:prod", (), {}, "ini", "/x/uwsgi.ini, section [prod]"),
        ("/x/app.xml", ("--master",), {}, "xml", "/x/app.xml"),
        (None, ("--ini", "/a.ini", "--yaml=/b.yml", "-p", "2"), {}, "yaml", "/b.yml"),
        (None, ("app.json",), {}, "json", "app.json"),
        (None, ("--master", "-p", "2"), {"UWSGI_HTTP": ":1"}, "command", "the command line of uWSGI"),
        (None, (), {"UWSGI_INI": "/e.ini", "PATH": "/bin"}, "ini", "/e.ini"),
        (None, (), {"UWSGI_MODULE": "app"}, "environment", "the environment of uWSGI"),
    ],
)
def test_the_place_is_the_file_or_the_way_to_start(
    config: str | None, arguments: tuple[str, ...], environment: dict[str, str], form: str, where: str
) -> None:
    invocation = Invocation(Path("/v/uwsgi"), config, arguments, environment, Path("/x"))
    assert paste_place(invocation) == PastePlace(form, where)


def test_the_place_of_an_array_of_a_dockerfile() -> None:
    invocation = Invocation(Path("/v/uwsgi"), None, ("--master",), {}, Path("/x"), is_array=True)
    assert paste_place(invocation).form == "array"


def test_what_makes_workers_come_back_is_before_what_costs_less() -> None:
    options = (("max-requests", "500"), ("processes", "4"), ("touch-workers-reload", "/x"))
    healthy = findings(HEALTHY, *options, pin="2.0.30.post1")
    died = taken("hup", "dead_master", "the master ended (ModuleNotFoundError: No module named 'pyuwsgi')")
    old = replace(taken("touch-workers-reload", new_code=False), way=replace(taken("x").way, option="x"))
    term = taken("term", kind=RELOAD)
    cut = replace(taken("max-worker-lifetime"), cause="lifetime-cuts")
    cure = RemedyTrial(remedy("lazy-apps"), HEALTHY)
    changes = [
        best_change(replace(healthy, remedy_trials=[cure]), [died]),
        best_change(healthy, [died, old]),
        best_change(healthy, [taken("hup", "dead_master", "the master ended (ImportError: app)")]),
        best_change(replace(healthy, server=replace(healthy.server, version="2.0.27")), [taken("hup", "hung_master")]),
        best_change(healthy, [old, term]),
        best_change(healthy, [term]),
        best_change(healthy, []),
        best_change(findings(HEALTHY, ("max-requests-delta", "2")), []),
        best_change(healthy, [taken("worker-kill", "hung_worker"), old]),
        best_change(healthy, [cut, old]),
        best_change(findings(HEALTHY, pin=None, version="2.0.21-debian"), [cut]),
        best_change(findings(HEALTHY, ("threads", "4"), pin=None, version="2.0.21-debian"), [cut]),
    ]
    assert [change and (change.set or change.package) for change in changes] == [
        (("lazy-apps", "true"),),
        (("binary-path", "/v/bin/python"),),
        None,
        "pyuwsgi==2.0.30.post1",
        (("lazy-apps", "true"),),
        (("die-on-term", "true"),),
        (("max-requests-delta", "125"),),
        None,
        None,
        "pyuwsgi==2.0.30.post1",
        (("threads", "1"),),
        (("skip-atexit-teardown", "true"),),
    ]


def test_a_change_that_was_tried_says_so_and_one_that_did_not_help_is_left_out() -> None:
    healthy = findings(HEALTHY, ("processes", "4"), pin="2.0.30.post1")
    died = taken("hup", "dead_master", "the master ended (ModuleNotFoundError: No module named 'pyuwsgi')")
    old = replace(taken("touch-workers-reload", new_code=False), way=replace(taken("x").way, option="x"))
    (binary_path,) = changes(healthy, [died])
    lazy = next(iter(changes(healthy, [old])))
    assert (binary_path.mends, lazy.mends) == (("hup",), ("x",))
    back, again = taken("hup", new_code=True), taken("hup", new_code=False)
    said = best_change(healthy, [died], [ChangeTrial(binary_path, (back,))])
    assert said is not None
    assert said.why.endswith("; tried: with the change hup comes back")
    for useless in (died, again, taken("hup", "not_taken")):
        assert best_change(healthy, [died], [ChangeTrial(binary_path, (useless,))]) is None
    assert not ChangeTrial(binary_path, ()).helps
    two = ChangeTrial(lazy, (back, taken("fifo-w", "throttled")))
    assert two.describe() == "tried: with the change hup, fifo-w come back"
    assert two.as_json()["ways"][0] == {
        "name": "hup",
        "verdict": "recovers",
        "new_code": True,
        "directory": "results/x",
    }


def test_the_answer_has_ten_lines_at_most(tmp_path: Path) -> None:
    run = replace(HUNG, evidence="take_gil <- " * 50)
    ways = [
        recycled(run),
        *(taken(name, "dead_master", "the master ended") for name in ("hup", "touch-reload", "fifo-r")),
        taken("worker-kill"),
        stopped("int"),
        stopped("term", "hung_exit", reason="workers stay"),
        *(taken(name, "not_taken", f"{name} needs a page") for name in ("harakiri", "cheaper")),
        taken("quit", "invalid", "the load ended"),
    ]
    found = findings(run, remedy_trials=[RemedyTrial(remedy("lazy-apps"), HEALTHY)])
    lines = result(tmp_path, found, ways, ["one", "two"]).answer()
    assert len(lines) <= 10, "\n".join(lines)
    text = "\n".join(lines)
    assert "DO NOT come back" in lines[0]
    assert "hup, touch-reload, fifo-r (dead_master: the master ended)" in text
    assert "    lazy-apps = true" in lines
    assert "your configuration" in text
    assert str(tmp_path / "report.html") in lines[-1]


def test_workers_that_need_a_master_come_back_only_with_one(tmp_path: Path) -> None:
    alone = replace(findings(), options=[("processes", "2")])
    head = result(tmp_path, alone, [recycled(HEALTHY)], []).answer()[0]
    assert "come back with a master, which your configuration does not set" in head


def test_a_hang_without_a_cure_says_so_and_what_is_known(tmp_path: Path) -> None:
    advice = ["a sentence", "Known remedy: lazy-apps."]
    text = "\n".join(result(tmp_path, findings(HUNG), [recycled(HUNG)], advice).answer())
    assert "No change that cures this was found. Known remedy: lazy-apps." in text


def test_the_page_has_every_way_with_its_reason_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    ways = [
        recycled(HEALTHY),
        taken("hup", "dead_master", "<the master> ended"),
        taken("idle", "not_taken", "why not"),
    ]
    check = result(tmp_path, findings(), ways, ["set this"])
    check.neutral.note("stats", ":1717", "", "why it is removed")
    check.write(None, None)
    page = Page((tmp_path / "report.html").read_text())
    for words in ("<the master> ended", "what hup does", "idle why not", "set this", "why it is removed", "(absent)"):
        assert words in page.words
    assert [tone["class"] for tone in page.named("span")] == ["tone bad", "tone bad", "tone good"]
    assert page.named("script") == []
    assert page.outside_addresses() == []
