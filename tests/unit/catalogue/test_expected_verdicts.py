"""The verdicts that the pack's own catalogue expects of its cells, and the default plan."""

from __future__ import annotations

import pytest

from stacks.catalogue import load


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
def test_the_expected_verdict(stack: str, version: str, verdict: str) -> None:
    catalogue = load()
    assert catalogue.expected(catalogue.stacks[stack], catalogue.versions[version]) == verdict


def test_the_default_plan_has_enough_respawns_and_meets_both_deadlocks() -> None:
    catalogue = load()
    cells = [(catalogue.stacks[stack], catalogue.versions[version]) for stack, version in catalogue.plan.cells]
    expected = [catalogue.expected(stack, version) for stack, version in cells]
    assert (expected.count("hung_worker"), expected.count("recovers"), len(expected)) == (3, 5, 8)
    assert 0.75**catalogue.plan.respawns < 0.005
