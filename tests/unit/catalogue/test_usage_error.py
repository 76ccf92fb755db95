"""The hint at a name with almost the same spelling."""

from __future__ import annotations

from stacks.catalogue import similar


def test_a_similar_name_is_hinted_at_and_another_is_not() -> None:
    assert "enable-threads" in similar("enable-thread", frozenset({"enable-threads"}))
    assert similar("project", frozenset({"enable-threads"})) == ""
