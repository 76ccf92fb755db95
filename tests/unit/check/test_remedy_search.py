"""The search for a remedy: how many are tried at the same time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stacks.check import remedy_search
from stacks.check.remedy_search import AT_ONCE, AT_ONCE_HEAVY, runs_at_once
from stacks.check.static_check import NOTHING


@pytest.mark.parametrize(
    ("memory_mib", "start_s", "count"),
    [(60.0, 0.4, AT_ONCE), (900.0, 0.4, AT_ONCE_HEAVY), (60.0, 12.0, AT_ONCE_HEAVY), (None, 0.4, AT_ONCE_HEAVY)],
)
def test_fewer_remedies_are_tried_at_once_if_the_app_is_heavy(
    memory_mib: float | None, start_s: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remedy_search, "start_s", lambda _directory: start_s)
    assert runs_at_once(replace(NOTHING, memory_mib=memory_mib)) == count
