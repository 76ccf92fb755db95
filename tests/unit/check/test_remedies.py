"""Remedies: to which configuration each applies, and what it changes."""

from __future__ import annotations

import pytest
from check_builders import KNOWN, remedy, server

from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.remedies import remedies, with_partners


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
        ("fork-hooks", "hung_exit", [], "2.0.30.post1", False),
        ("no-osafterfork", "crash_loop", [("py-call-osafterfork", "true")], "2.0.30", True),
        ("lazy-apps", "crash_loop", [], "2.0.30.post1", True),
        ("fork-hooks", "crash_loop", [], "2.0.30.post1", True),
        ("skip-atexit-teardown", "slow_exit", [], "2.0.30.post1", False),
    ],
)
def test_which_remedies_apply(
    name: str, verdict: str, options: list[tuple[str, str]], pin: str | None, expected: bool
) -> None:
    neutral = NeutralConfiguration(options=options)
    assert remedy(name).applies(verdict, neutral, KNOWN, server(pin)) is expected


def test_the_remedy_for_the_cause_comes_before_those_for_any_crash() -> None:
    names = [remedy.name for remedy in remedies() if "crash_loop" in remedy.verdicts]
    assert names == ["no-osafterfork", "lazy-apps", "fork-hooks"]


def test_a_remedy_changes_a_copy() -> None:
    neutral = NeutralConfiguration(options=[("threads", "2"), ("master", "true")])
    assert remedy("no-threads").apply(neutral).options == [("master", "true")]
    assert ("lazy-apps", "true") in remedy("lazy-apps").apply(neutral).options
    assert neutral.options == [("threads", "2"), ("master", "true")]
    assert neutral.changes == []


@pytest.mark.parametrize("name", ["lazy-apps", "fork-hooks"])
@pytest.mark.parametrize("problem", ["hung_exit", "slow_exit", "slow_stop", "lost_requests"])
def test_an_exit_gets_the_cures_of_threads_if_the_master_has_threads(problem: str, name: str) -> None:
    neutral = NeutralConfiguration()
    assert remedy(name).applies(problem, neutral, KNOWN, server("2.0.30.post1"), master_threads=2)
    assert not remedy(name).applies(problem, neutral, KNOWN, server("2.0.30.post1"), master_threads=1)
    assert remedy(name).applies("hung_request", neutral, KNOWN, server("2.0.30.post1"), master_threads=1)


def test_a_remedy_for_the_build_of_a_distribution_follows_its_numbers() -> None:
    threads = NeutralConfiguration(options=[("threads", "2")])
    assert remedy("no-threads").applies("hung_exit", threads, KNOWN, server(None, version="2.0.21-debian"))
    assert not remedy("no-threads").applies("hung_exit", threads, KNOWN, server(None, version="2.0.31+dfsg"))


def test_skip_atexit_teardown_is_tried_with_a_cure_of_threads_that_failed_alone() -> None:
    singles = [remedy(name) for name in ("lazy-apps", "fork-hooks", "skip-atexit-teardown")]
    pairs = with_partners(singles, {"lazy-apps", "fork-hooks"})
    assert [pair.what for pair in pairs] == [
        "lazy-apps = true and skip-atexit-teardown = true",
        "py-call-uwsgi-fork-hooks = true and skip-atexit-teardown = true",
    ]
    assert dict(pairs[0].apply(NeutralConfiguration()).options) == {"lazy-apps": "true", "skip-atexit-teardown": "true"}
    assert [pair.name for pair in with_partners(singles, {"fork-hooks"})] == ["fork-hooks+skip-atexit-teardown"]
    assert with_partners(singles[2:], {"lazy-apps"}) == []
