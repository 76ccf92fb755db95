"""libraries.toml: every app has a row, every row an app, and every mistake is reported at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sources import STDLIB, packages, tree

from stacks.catalogue import APPS, UsageError, libraries, strict_rows
from stacks.catalogue.libraries import MODES, load_libraries

KNOWN = load_libraries()
PLAN = """
[plan]
version = "py312-2.0.30.post1"
trials = 1
hang_trials = 3
scenario = "check"
users = 8
workers = 8
max_requests = 10
duration_s = 5.0
respawns = 32
rare_respawns = 96
"""
ROW = """
[library.one]
packages = ["one==1.2"]
expected = { preforking = "hung_worker", lazy-apps = "recovers" }
also = { preforking = ["recovers"] }
sink = "items"
"""
NATIVE = """
[native.two]
package = "two 2"
used = "a function was called in the master"
seen = "Each worker ends."
on = "2026-11-27"
source = "https://example.org"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A libraries.toml with one library, which a test may damage."""
    (tmp_path / "apps" / "libraries").mkdir(parents=True)
    (tmp_path / "apps" / "libraries" / "one.py").touch()
    monkeypatch.setattr(libraries, "APPS", tmp_path / "apps")
    for module in (libraries, strict_rows):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    path = tmp_path / "libraries.toml"
    path.write_text(PLAN + ROW + NATIVE)
    return path


def test_the_packs_own_file_is_right() -> None:
    assert len(KNOWN.libraries) >= 25
    assert all(set(library.expected) == set(MODES) for library in KNOWN.libraries.values())
    assert {"numba_parallel", "jax"} <= set(KNOWN.natives)


def test_a_good_file_is_read(file: Path) -> None:
    known = load_libraries(file)
    (library,) = known.libraries.values()
    assert (library.name, library.packages, library.app) == ("one", ("one==1.2",), "libraries/one.py")
    assert (library.expected["lazy-apps"], library.also, library.sink) == (
        "recovers",
        {"preforking": ["recovers"]},
        "items",
    )
    assert known.plan.hang_trials == 3
    assert known.natives["two"].package == "two 2"


def test_every_mistake_is_reported_at_once(file: Path) -> None:
    text = PLAN.replace("users", "user") + ROW.replace("1.2", "1.*").replace("lazy-apps", "lazy")
    text = text.replace('lazy = "recovers"', 'lazy = "fine"').replace('["recovers"]', '["good"]')
    text = text.replace('"items"', '"things"') + "[library.three]\npackages = []\nwat = 1\n"
    file.write_text(text + NATIVE.replace("seen", "saw") + "[libary.four]\n")
    (file.parent / "apps" / "libraries" / "five.py").touch()
    with pytest.raises(UsageError) as caught:
        load_libraries(file)
    message = str(caught.value)
    for part in (
        "libraries.toml: unknown key libary; the keys are library, native, plan",
        "libraries.toml, plan: unknown key user; the keys are ",
        "libraries.toml, plan: missing key users",
        "libraries.toml, library one: package one==1.* is no exact pin such as name==1.2",
        "libraries.toml, library one: mode lazy is unknown; the modes are preforking, lazy-apps, fork-hooks",
        "libraries.toml, library one: verdict fine is unknown; the verdicts are hung_master, ",
        "libraries.toml, library one: verdict good is unknown",
        "libraries.toml, library one: sink things is unknown; the values are items, server",
        "libraries.toml, library three: unknown key wat; the keys are ",
        "libraries.toml, library three: missing key expected",
        "libraries.toml, native two: unknown key saw; the keys are ",
        "libraries.toml: library three has no app stacks/apps/libraries/three.py",
        "libraries.toml: the app stacks/apps/libraries/five.py has no row",
    ):
        assert part in message, message


def test_a_file_that_is_no_toml_is_a_usage_error(file: Path) -> None:
    file.write_text("[plan")
    with pytest.raises(UsageError, match=r"^libraries\.toml: "):
        load_libraries(file)


@pytest.mark.parametrize("library", KNOWN.libraries.values(), ids=lambda library: library.name)
class TestApp:
    def test_it_imports_only_what_its_row_names(self, library: libraries.Library) -> None:
        named = {re.split("==", package)[0].lower().replace("-", "_") for package in library.packages}
        named = set(library.modules) or named
        assert packages(tree(APPS / library.app)) <= STDLIB | named

    def test_it_has_a_sink_if_it_asks_for_one(self, library: libraries.Library) -> None:
        text = (APPS / library.app).read_text()
        assert ("PACK_SINK" in text) is bool(library.sink)
        assert ("pack-item-" in text) is (library.sink == "items")
