"""`check --static`: what is known of a version and its options without a run."""

from __future__ import annotations

import pytest
from check_builders import HEALTHY, findings

from stacks import catalogue
from stacks.check.static_check import known_defects, static_text

DEFECTS = catalogue.load().defects


@pytest.mark.parametrize(
    ("options", "pin", "python", "count"),
    [
        ([("enable-threads", "true")], "2.0.26", "3.12.1", 1),
        ([("threads", "4")], "2.0.26", "3.13.0", 1),
        ([("enable-threads", "false")], "2.0.26", "3.12.1", 0),
        ([("enable-threads", "true")], "2.0.26", "3.11.9", 0),
        ([("enable-threads", "true")], "2.0.30.post1", "3.12.1", 0),
        ([("enable-threads", "true")], None, "3.12.1", 0),
        ([("py-call-osafterfork", "true")], "2.0.30.post1", "3.13.0", 1),
        ([("py-call-osafterfork", "true")], "2.0.30.post1", "3.12.1", 0),
    ],
)
def test_defects_that_hit_every_respawn(
    options: list[tuple[str, str]], pin: str | None, python: str, count: int
) -> None:
    found = findings(HEALTHY, *options, pin=pin, python=python)
    defects = known_defects(found, DEFECTS)
    assert len(defects) == count
    assert ("WILL NOT come back" in static_text(found, defects)) is bool(count)
    assert "nothing was started" in static_text(found, defects)
