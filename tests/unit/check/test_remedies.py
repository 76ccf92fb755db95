"""Remedies: to which configuration each applies, and what it changes."""

from __future__ import annotations

import pytest
from check_builders import KNOWN, remedy, server

from stacks.check.neutral_configuration import NeutralConfiguration


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
    neutral = NeutralConfiguration(options=options)
    assert remedy(name).applies(verdict, neutral, KNOWN, server(pin)) is expected


def test_a_remedy_changes_a_copy() -> None:
    neutral = NeutralConfiguration(options=[("threads", "2"), ("master", "true")])
    assert remedy("no-threads").apply(neutral).options == [("master", "true")]
    assert ("lazy-apps", "true") in remedy("lazy-apps").apply(neutral).options
    assert neutral.options == [("threads", "2"), ("master", "true")]
    assert neutral.changes == []
