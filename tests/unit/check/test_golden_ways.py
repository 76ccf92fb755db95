"""The recorded ways of real uWSGI keep their verdicts: tests/data/ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.check.ways.recordings import read_ways
from stacks.lifecycle.way_results import WAY_VERDICTS

GOLDEN = Path(__file__).parents[2] / "data" / "ways"
EXPECTED = {
    "recovers": ["recovers"] * 6,
    "cheaper": ["recovers"] * 2,
    "hung_cheaper": ["recovers", "hung_worker"],
    "hung_chain": ["hung_worker"],
    "hung_master": ["hung_master"],
    "dead_master": ["dead_master"],
    "dead_need_app": ["dead_master"],
    "broken_app": ["broken_app"],
    "old_workers": ["old_workers"],
}


@pytest.mark.parametrize(
    "directory", [path for path in sorted(GOLDEN.iterdir()) if path.is_dir()], ids=lambda p: p.name
)
def test_a_recorded_way_keeps_its_verdict(directory: Path) -> None:
    results = [result for _, result in read_ways(directory)]
    assert [result.verdict for result in results] == EXPECTED[directory.name]
    assert {result.verdict for result in results} <= set(WAY_VERDICTS)
    assert all(result.requests for result in results)


def test_a_reload_of_workers_serves_the_code_that_the_master_had_loaded() -> None:
    found = dict(read_ways(GOLDEN / "recovers"))
    assert {name: result.new_code for name, result in found.items()} == {
        **dict.fromkeys(("worker-kill", "worker-segv", "worker-term")),
        **dict.fromkeys(("fifo-c", "fifo-w", "fifo-W"), False),
    }
    assert found["fifo-c"].nothing_s < found["fifo-w"].nothing_s


def test_a_reload_that_freezes_loses_nothing_because_the_old_workers_serve_on() -> None:
    ((_, frozen),) = read_ways(GOLDEN / "hung_master")
    assert (frozen.lost, frozen.new_code) == ({}, None)


def test_the_reasons_name_the_error_of_the_log() -> None:
    ((_, died),) = read_ways(GOLDEN / "dead_master")
    ((_, destroyed),) = read_ways(GOLDEN / "dead_need_app")
    ((_, broken),) = read_ways(GOLDEN / "broken_app")
    assert "No module named 'pyuwsgi'" in died.reason
    assert died.nothing_s > 0
    assert "ImportError: the new code is broken" in broken.reason
    assert "ImportError: the new code is broken" in destroyed.reason
