"""The files of the catalogue: the pack's own files are right, and every mistake in a file is reported at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.catalogue import UsageError, Version, load, reader, stack_reader, strict_rows
from stacks.lifecycle.verdict import VERDICTS

VERSIONS = """
[package.pyuwsgi]
pythons = ["3.12"]
pins = ["2.0.26"]

[package.uwsgi]
pythons = ["3.12"]
pins = ["2.0.26"]

[defect.late]
what = "something"
python = ">=3.12"
pin = "<2.0.27"
verdict = "hung_worker"
sees = "an outage"
upstream = ["somebody/something#1"]
remedy = "upgrade"
"""
PLAN = """
trials = 3
seed = 1
scenario = "steady"
users = 32
duration_s = 2.0
workers = 16
max_requests = 10
respawns = 20
cells = [["one", "py312-2.0.26"]]
matrix = ["one"]
"""
STACK = "[uwsgi]\nini = %dbase.ini\n\n[pack]\nkind = mode\nwhat = one\napp = hello.py\nmeets = late\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of one stack and two versions, which a test may damage."""
    stacks = tmp_path / "stacks"
    (stacks / "apps").mkdir(parents=True)
    (tmp_path / "locustfiles").mkdir()
    (tmp_path / "locustfiles" / "steady.py").touch()
    (tmp_path / "locustfiles" / "_hidden.py").touch()
    (stacks / "apps" / "hello.py").touch()
    (stacks / "base.ini").write_text("[uwsgi]\nmaster = true\n")
    (stacks / "one.ini").write_text(STACK)
    (stacks / "versions.toml").write_text(VERSIONS)
    (stacks / "loadtest.toml").write_text(PLAN)
    for name, path in (
        ("ROOT", tmp_path),
        ("STACKS", stacks),
        ("APPS", stacks / "apps"),
        ("SCENARIOS", tmp_path / "locustfiles"),
    ):
        for module in (reader, stack_reader, strict_rows):
            monkeypatch.setattr(module, name, path, raising=False)
    return stacks


def test_the_packs_own_files_are_right() -> None:
    catalogue = load()
    assert {"threads", "plain", "thread-at-fork", "thread-at-fork-lazy"} <= set(catalogue.stacks)
    assert "base" not in catalogue.stacks
    assert {"steady", "burst", "sparse"} <= set(catalogue.scenarios)
    assert not any(name.startswith("_") for name in catalogue.scenarios)


def test_a_good_tree_is_read(tree: Path) -> None:
    catalogue = load()
    assert (catalogue.stacks["one"].meets, catalogue.stacks["one"].workers) == (("late",), None)
    assert catalogue.plan.cells == (("one", "py312-2.0.26"),)
    assert list(catalogue.scenarios) == ["steady"]
    assert list(catalogue.versions) == ["py312-2.0.26", "py312-uwsgi-2.0.26"]


def test_a_defect_of_one_package_does_not_concern_the_other_package(tree: Path) -> None:
    (tree / "versions.toml").write_text(VERSIONS.replace("[defect.late]", '[defect.late]\npackage = "pyuwsgi"'))
    catalogue = load()
    expected = [catalogue.expected(catalogue.stacks["one"], version) for version in catalogue.versions.values()]
    assert expected == ["hung_worker", "recovers"]


def test_every_mistake_is_reported_at_once(tree: Path) -> None:
    (tree / "one.ini").write_text(STACK.replace("meets = late", "meets = late, never\nwat = 1"))
    (tree / "two.ini").write_text("[uwsgi]\nini = %dbase.ini\n")
    (tree / "three.ini").write_text(STACK.replace("hello.py", "helo.py"))
    (tree / "four.ini").write_text(STACK + "workers = many\n")
    (tree / "six.ini").write_text(STACK + "trigger = signal WHAT\n")
    (tree / "seven.ini").write_text(STACK.replace("kind = mode", "kind = sort") + "files = nginx.conf\n")
    (tree / "eight.ini").write_text(STACK + "scenario = steddy\n")
    (tree / "nine.ini").write_text(STACK + "pin = from 2.0.29\n")
    (tree / "five.ini").write_text(STACK.replace("late", "never"))
    versions = VERSIONS.replace('pythons = ["3.12"]', 'pyhtons = ["3.12"]', 1)
    versions = versions.replace('"hung_worker"', '"hangs"').replace('">=3.12"', '"from 3.12"')
    (tree / "versions.toml").write_text(versions)
    (tree / "loadtest.toml").write_text(PLAN.replace("users", "user").replace("seed = 1", ""))
    with pytest.raises(UsageError) as caught:
        load()
    message = str(caught.value)
    for text in (
        "stacks/one.ini [pack]: unknown key wat; the keys are app, duration_s",
        "stacks/two.ini [pack]: missing key app, kind, what",
        "stacks/three.ini: app helo.py is not in stacks/apps; the apps are hello.py",
        "stacks/four.ini: [pack] workers = many is not a number",
        "stacks/five.ini: meets never is unknown; the defects are late",
        "stacks/six.ini: [pack] trigger = signal WHAT: there is no signal WHAT",
        "stacks/seven.ini: [pack] kind = sort is unknown; the kinds are recycle, mode",
        "stacks/seven.ini: file nginx.conf is not in stacks",
        "stacks/eight.ini: there is no scenario steddy",
        "stacks/nine.ini: [pack] Invalid specifier",
        "stacks/versions.toml, package pyuwsgi: unknown key pyhtons; the keys are pins, pythons",
        "stacks/versions.toml, package pyuwsgi: missing key pythons",
        f"stacks/versions.toml, defect late: verdict hangs is unknown; the verdicts are {', '.join(VERDICTS)}",
        "stacks/versions.toml, defect late: Invalid specifier",
        "stacks/loadtest.toml: unknown key user; the keys are alone, cells, duration_s",
        "stacks/loadtest.toml: missing key seed, users",
    ):
        assert text in message


def test_a_cell_of_the_plan_that_does_not_exist_is_reported(tree: Path) -> None:
    (tree / "loadtest.toml").write_text(PLAN.replace('"one", ', '"none", '))
    with pytest.raises(UsageError, match=r"stacks/loadtest\.toml: there is no cell none at py312-2\.0\.26"):
        load()
    (tree / "loadtest.toml").write_text(PLAN.replace('["one"]\n', '["none"]\n'))
    with pytest.raises(UsageError, match=r"stacks/loadtest\.toml: matrix: there is no stack none"):
        load()


def test_a_new_stack_is_one_file(tree: Path) -> None:
    (tree / "new.ini").write_text(STACK + "workers = 4\nrespawns = 7\n")
    assert (load().stacks["new"].workers, load().stacks["new"].respawns) == (4, 7)


def test_a_stack_that_cannot_run_at_a_version_says_why(tree: Path) -> None:
    (tree / "new.ini").write_text(STACK + "pin = >=2.0.29\nprograms = surely-not-there\n")
    stack = load().stacks["new"]
    assert stack.objection(Version("3.12", "pyuwsgi", "2.0.26")) == "it needs uWSGI >=2.0.29."
    assert stack.objection(Version("3.12", "pyuwsgi", "2.0.30")) == "surely-not-there is not installed."
    assert load().stacks["one"].objection(Version("3.12", "pyuwsgi", "2.0.30")) == ""


def test_a_defect_of_every_stack_hides_the_other_defects(tree: Path) -> None:
    always = (
        VERSIONS[VERSIONS.index("[defect.late]") :].replace("late", "no-start").replace("hung_worker", "dead_master")
    )
    (tree / "versions.toml").write_text(VERSIONS + always.replace("<2.0.27", "<2.0.24") + "always = true\n")
    catalogue = load()
    old, new = (Version("3.12", "pyuwsgi", pin) for pin in ("2.0.22", "2.0.26"))
    assert [catalogue.expected(catalogue.stacks["one"], version) for version in (old, new)] == [
        "dead_master",
        "hung_worker",
    ]
