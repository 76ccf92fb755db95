"""What can be named: the real files are right, and mistakes in them are all told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.catalogue import UsageError, Version, effective_ini, load, read_ini, reading
from stacks.catalogue.readme import PAGE, page
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
    """A pack of one stack and one version, to be damaged."""
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
        monkeypatch.setattr(reading, name, path)
    return stacks


def test_the_packs_own_files_are_right() -> None:
    known = load()
    assert {"threads", "plain", "thread-at-fork", "thread-at-fork-lazy"} <= set(known.stacks)
    assert "base" not in known.stacks
    assert {"steady", "burst", "sparse"} <= set(known.scenarios)
    assert not any(name.startswith("_") for name in known.scenarios)


@pytest.mark.parametrize(
    ("stack", "version", "verdict"),
    [
        ("threads", "py312-2.0.26", "hung_worker"),
        ("threads-lazy", "py312-2.0.26", "hung_worker"),
        ("plain", "py312-2.0.26", "recovers"),
        ("threads", "py312-2.0.27.post1", "recovers"),
        ("threads", "py312-2.0.30.post1", "recovers"),
        ("threads", "py311-2.0.26", "recovers"),
        ("thread-at-fork", "py312-2.0.30.post1", "hung_worker"),
        ("thread-at-fork-lazy", "py312-2.0.30.post1", "recovers"),
        ("fork-hooks", "py312-2.0.26", "hung_master"),
        ("fork-hooks", "py312-2.0.30.post1", "recovers"),
        ("threads2", "py311-2.0.23.post0", "hung_exit"),
        ("threads2", "py312-2.0.30.post1", "recovers"),
        ("osafterfork", "py313-2.0.30.post1", "crash_loop"),
        ("osafterfork", "py312-2.0.30.post1", "recovers"),
        ("throttle", "py312-2.0.30.post1", "throttled"),
        ("throttle", "py312-2.0.26", "hung_worker"),  # the worse of two
        ("default-lifetime", "py312-2.0.30.post1", "invalid"),
        ("slow-import", "py312-2.0.26", "recovers"),
    ],
)
def test_the_verdict_that_is_expected(stack: str, version: str, verdict: str) -> None:
    known = load()
    assert known.expected(known.stacks[stack], known.versions[version]) == verdict


def test_the_default_plan_asks_for_enough_respawns_and_meets_both_deadlocks() -> None:
    known = load()
    expected = [known.expected(known.stacks[s], known.versions[v]) for s, v in known.plan.cells]
    assert (expected.count("hung_worker"), expected.count("recovers"), len(expected)) == (3, 5, 8)
    assert 0.75**known.plan.respawns < 0.005


def test_a_good_tree_is_read(tree: Path) -> None:
    known = load()
    assert (known.stacks["one"].meets, known.stacks["one"].workers) == (("late",), None)
    assert known.plan.cells == (("one", "py312-2.0.26"),)
    assert list(known.scenarios) == ["steady"]
    assert list(known.versions) == ["py312-2.0.26", "py312-uwsgi-2.0.26"]


def test_a_defect_of_one_package_is_not_the_others(tree: Path) -> None:
    (tree / "versions.toml").write_text(VERSIONS.replace("[defect.late]", '[defect.late]\npackage = "pyuwsgi"'))
    known = load()
    expected = [known.expected(known.stacks["one"], version) for version in known.versions.values()]
    assert expected == ["hung_worker", "recovers"]


def test_every_mistake_is_told_at_once(tree: Path) -> None:
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
    told = str(caught.value)
    for text in (
        "stacks/one.ini [pack]: unknown wat; there are app, duration_s",
        "stacks/two.ini [pack]: app, kind, what missing",
        "stacks/three.ini: app helo.py is not in stacks/apps; there are hello.py",
        "stacks/four.ini: [pack] workers = many: not a number",
        "stacks/five.ini: meets never; there are late",
        "stacks/six.ini: [pack] trigger = signal WHAT: there is no signal WHAT",
        "stacks/seven.ini: [pack] kind = sort; there are recycle, mode",
        "stacks/seven.ini: file nginx.conf is not in stacks",
        "stacks/eight.ini: no scenario steddy",
        "stacks/nine.ini: [pack] Invalid specifier",
        "stacks/versions.toml, package pyuwsgi: unknown pyhtons; there are pins, pythons",
        "stacks/versions.toml, package pyuwsgi: pythons missing",
        f"stacks/versions.toml, defect late: verdict hangs; there are {', '.join(VERDICTS)}",
        "stacks/versions.toml, defect late: Invalid specifier",
        "stacks/loadtest.toml: unknown user; there are cells, duration_s",
        "stacks/loadtest.toml: seed, users missing",
    ):
        assert text in told


def test_a_cell_of_the_plan_that_does_not_exist_is_told(tree: Path) -> None:
    (tree / "loadtest.toml").write_text(PLAN.replace('"one", ', '"none", '))
    with pytest.raises(UsageError, match=r"stacks/loadtest\.toml: no cell none at py312-2\.0\.26"):
        load()
    (tree / "loadtest.toml").write_text(PLAN.replace('["one"]\n', '["none"]\n'))
    with pytest.raises(UsageError, match=r"stacks/loadtest\.toml: matrix: no stack none"):
        load()


def test_a_new_stack_is_one_file(tree: Path) -> None:
    (tree / "new.ini").write_text(STACK + "workers = 4\nrespawns = 7\n")
    assert (load().stacks["new"].workers, load().stacks["new"].respawns) == (4, 7)


INI = """
; a comment
# another
[uwsgi]
 key = a = b
flag
key = c
[pack]
what = x ; y
[uwsgi]
key=d
"""


def test_an_ini_is_read_as_uwsgi_does(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_text(INI)
    assert read_ini(path) == {
        "uwsgi": [("key", "a = b"), ("flag", ""), ("key", "c"), ("key", "d")],
        "pack": [("what", "x ; y")],
    }


def test_the_effective_ini_has_its_includes_and_placeholders_filled_in(tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[uwsgi]\nini = %dbelow/deep.ini\nhttp-socket = :$(PORT)\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "deep.ini").write_text("[uwsgi]\nmaster = true\n[pack]\nno = no\n")
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nini = %dbase.ini\nname = $(NAME)-$(OTHER) $(PORT)\n[pack]\nwhat = x\n")
    assert effective_ini(path, {"PORT": "81", "NAME": "$(PORT)"}) == (
        "[uwsgi]\nmaster = true\nhttp-socket = :81\nname = $(PORT)-$(OTHER) 81\n"
    )


def test_an_option_of_the_run_stands_in_place_of_the_stacks_own(tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[uwsgi]\nmin-worker-lifetime = 0\nmaster = true\n")
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nini = %dbase.ini\nthreads = 2\n")
    assert effective_ini(path, {}, {"min-worker-lifetime": 60, "listen": 1_000_000}) == (
        "[uwsgi]\nmaster = true\nthreads = 2\nmin-worker-lifetime = 60\nlisten = 1000000\n"
    )


def test_an_option_that_is_a_list_is_added_to_what_the_stack_says(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nenv = A=1\n")
    assert effective_ini(path, {}, {"env": ["B=2", "C=3"]}) == "[uwsgi]\nenv = A=1\nenv = B=2\nenv = C=3\n"


@given(values=st.lists(st.text("abcXYZ019 ./:=%{}${uwsgi[wid]}", min_size=1).map(str.strip).filter(bool), max_size=5))
def test_values_come_through_as_they_are(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ini"
    path.write_text("[uwsgi]\n" + "".join(f"key = {value}\n" for value in values))
    assert effective_ini(path, {}) == "[uwsgi]\n" + "".join(f"key = {value}\n" for value in values)


@pytest.mark.parametrize("name", sorted(load().stacks))
def test_every_stack_is_complete_with_the_placeholders_of_a_run(name: str) -> None:
    names = ("PACK_PORT", "PACK_APP", "PACK_BINARY", "PACK_RUN", "PACK_WORKERS", "PACK_MAX_REQUESTS")
    text = effective_ini(load().stacks[name].path, dict.fromkeys(names, "x"))
    assert "$(" not in text
    assert "ini = " not in text
    assert "strict = true" in text


def test_a_stack_that_cannot_run_at_a_version_says_why(tree: Path) -> None:
    (tree / "new.ini").write_text(STACK + "pin = >=2.0.29\nprograms = surely-not-there\n")
    stack = load().stacks["new"]
    assert stack.objection(Version("3.12", "pyuwsgi", "2.0.26")) == "it needs uWSGI >=2.0.29."
    assert stack.objection(Version("3.12", "pyuwsgi", "2.0.30")) == "surely-not-there is not installed."
    assert load().stacks["one"].objection(Version("3.12", "pyuwsgi", "2.0.30")) == ""


def test_a_defect_of_every_stack_hides_what_else_is_wrong(tree: Path) -> None:
    always = (
        VERSIONS[VERSIONS.index("[defect.late]") :].replace("late", "no-start").replace("hung_worker", "dead_master")
    )
    (tree / "versions.toml").write_text(VERSIONS + always.replace("<2.0.27", "<2.0.24") + "always = true\n")
    known = load()
    old, new = (Version("3.12", "pyuwsgi", pin) for pin in ("2.0.22", "2.0.26"))
    assert [known.expected(known.stacks["one"], version) for version in (old, new)] == ["dead_master", "hung_worker"]


def test_the_page_of_the_catalogue_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load()), "run: python -m stacks page --write"


def test_the_page_names_every_stack_and_every_defect_with_its_remedy_and_its_links_lead_somewhere() -> None:
    known, text = load(), page(load())
    assert all(f"\n### {name}\n" in text for name in known.stacks)
    assert all(defect.remedy in text and defect.sees in text for defect in known.defects.values())
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= set(headings)
    assert len(headings) == len(set(headings))
    files = set(re.findall(r"\]\(([^)#:]*)\)", text))
    assert all((PAGE.parent / name).is_file() for name in files)
