"""The vassals of an emperor: which files they are, and how the emperor starts each of them."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stacks.check.emperor import find_vassals, is_emperor
from stacks.check.invocation import CannotCheck, Invocation, WrongUsage
from stacks.check.options import Options
from stacks.check.vassals import check_vassals


@pytest.fixture
def emperor(tmp_path: Path) -> Invocation:
    folder = tmp_path / "vassals"
    folder.mkdir()
    for name in ("b.ini", "a.yaml", "c.xml", "d.json", "e.conf", "README", "b.ini.socket"):
        (folder / name).write_text("")
    (folder / "f.ini").mkdir()
    return Invocation(Path("/usr/bin/uwsgi"), None, (), {"UWSGI_VASSAL_MODULE": "x", "UWSGI_RELOADS": "1"}, tmp_path)


def arguments_of(options: Options, emperor: Invocation) -> dict[str, tuple[str, ...]]:
    vassals = find_vassals(options, emperor)
    return {vassal.name: vassal.invocation.arguments for vassal in vassals if vassal.invocation}


def test_a_folder_has_a_vassal_for_each_configuration(emperor: Invocation) -> None:
    found = arguments_of([("emperor", "vassals")], emperor)
    assert found == {
        "vassals/a.yaml": ("--master", "--yaml", "a.yaml"),
        "vassals/b.ini": ("--master", "--ini", "b.ini"),
        "vassals/c.xml": ("--master", "--xml", "c.xml"),
        "vassals/d.json": ("--master", "--json", "d.json"),
    }
    first = find_vassals([("emperor", f"dir://{emperor.directory}/vassals")], emperor)[0]
    assert first.invocation is not None
    assert first.invocation.directory == emperor.directory / "vassals"
    assert first.invocation.environment == {"UWSGI_MODULE": "x"}


def test_a_glob_counts_from_the_directory_of_the_emperor(emperor: Invocation) -> None:
    found = arguments_of([("emperor", "vassals/*.ini"), ("emperor", "glob://vassals/[ac].*")], emperor)
    assert found == {
        "vassals/b.ini": ("--master", "--ini", "vassals/b.ini"),
        "vassals/a.yaml": ("--master", "--yaml", "vassals/a.yaml"),
        "vassals/c.xml": ("--master", "--xml", "vassals/c.xml"),
    }
    assert arguments_of([("emperor", "vassals/*.nothing")], emperor) == {}


def test_what_the_emperor_adds_to_each_vassal_keeps_its_order(emperor: Invocation) -> None:
    options = [
        *[
            ("emperor", "vassals/b.ini"),
            ("vassals-include", "after.ini"),
            ("vassal-set", "a=1"),
            ("vassals-set", "b=2"),
        ],
        *[("vassals-inherit-before", "first.ini"), ("emperor-extra-extension", ".conf"), ("emperor", "vassals/e.conf")],
    ]
    found = arguments_of(options, emperor)
    before = ("--master", "--inherit", "first.ini", "--set", "a=1", "--set", "b=2")
    assert found["vassals/b.ini"] == (*before, "--ini", "vassals/b.ini", "--include", "after.ini")
    assert found["vassals/e.conf"] == (*before, "--config", "vassals/e.conf", "--include", "after.ini")


def test_a_vassal_on_demand_gets_the_socket_of_the_emperor(emperor: Invocation) -> None:
    folder = emperor.directory / "vassals"
    (folder / "b.ini.socket").write_text("/run/b.sock\nmore")
    found = arguments_of([("emperor", str(folder)), ("emperor-on-demand-extension", ".socket")], emperor)
    assert found["vassals/b.ini"][-2:] == ("--socket", "/run/b.sock")
    assert "--socket" not in found["vassals/a.yaml"]
    found = arguments_of([("emperor", str(folder)), ("emperor-on-demand-dir", "/run/uwsgi")], emperor)
    assert found["vassals/a.yaml"][-2:] == ("--socket", "/run/uwsgi/a.socket")


def test_a_tyrant_starts_no_vassal_of_root(emperor: Invocation, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [("emperor", "vassals/b.ini"), ("emperor-tyrant", "true")]
    path = emperor.directory / "vassals" / "b.ini"
    owners = {"theirs": (33, 33), "root": (0, 0)}
    for owner, (uid, gid) in owners.items():
        if os.getuid() != 0:
            pytest.skip("only root can change the owner of a file")
        os.chown(path, uid, gid)
        vassal = find_vassals(options, emperor)[0]
        assert (vassal.invocation is None) == (owner == "root")
        assert ("a tyrant does not start it" in vassal.why_not) == (owner == "root")
        assert bool(vassal.owner) == (owner == "theirs")


def test_an_emperor_that_reads_a_database_is_named(emperor: Invocation) -> None:
    assert "folders and globs only" in find_vassals([("emperor", "pg://host=x;select")], emperor)[0].why_not


def test_an_emperor_is_told_by_its_option() -> None:
    assert is_emperor([("master", "true"), ("emperor", "/etc/uwsgi/vassals")])
    assert not is_emperor([("emperor-tyrant", "true")])


DONE = {"schema": 1, "status": "done", "verdict": "recovers", "recovers": True, "advice": [], "measured": {}}


def test_each_vassal_has_a_line_and_the_worst_decides(
    emperor: Invocation, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.run.run_directory.RESULTS", tmp_path / "results")

    def check_one(options: argparse.Namespace, invocation: Invocation, private: Path) -> int:
        print("the full text")
        name = invocation.arguments[-1]
        if name == "c.xml":
            raise CannotCheck("it has no address")
        is_hang = name == "b.ini"
        directory = tmp_path / name
        directory.mkdir()
        value = DONE | {"directory": str(directory), "recovers": not is_hang, "measured": {"reason": "8 of 8"}}
        value |= {"verdict": "hung_worker", "advice": ["Recommended change: lazy-apps."]} if is_hang else {}
        options.json.write_text(json.dumps(value))
        options.junit.write_text("<testsuite name='check' tests='1'/>")
        return 3 if is_hang else 0

    private = tmp_path / "private"
    private.mkdir()
    options = argparse.Namespace(app=None, json=tmp_path / "all.json", junit=tmp_path / "all.xml", url="/")
    assert check_vassals(options, [("emperor", "vassals")], emperor, private, check_one) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 4  vassals/a.yaml: the workers come back (recovers): 8 of 8."
    assert (
        "vassals/b.ini: the workers DO NOT come back (hung_worker): 8 of 8. Recommended change: lazy-apps." in lines[1]
    )
    assert "vassals/c.xml: could not check: it has no address" in lines[2]
    assert "4 vassal(s), 2 of them with a problem" in lines[-1]
    assert [row["code"] for row in json.loads(options.json.read_text())["vassals"]] == [0, 3, 1, 0]
    suites = ElementTree.parse(options.junit).getroot()  # noqa: S314
    assert [suite.get("name") for suite in suites] == [f"vassals/{n}" for n in ("a.yaml", "b.ini", "c.xml", "d.json")]
    assert (tmp_path / "a.yaml" / "check.txt").read_text() == "the full text\n"


def test_an_emperor_without_vassals_and_an_app_for_all_of_them_are_errors(emperor: Invocation, tmp_path: Path) -> None:
    def check_one(*_: object) -> int:
        raise AssertionError

    options = argparse.Namespace(app=None, json=None, junit=None)
    with pytest.raises(CannotCheck, match="no configuration in /nowhere"):
        check_vassals(options, [("emperor", "/nowhere")], emperor, tmp_path, check_one)
    options.app = "app"
    with pytest.raises(WrongUsage, match="--app is for one instance"):
        check_vassals(options, [("emperor", "vassals")], emperor, tmp_path, check_one)
