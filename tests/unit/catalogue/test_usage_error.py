"""The hint at a name with almost the same spelling."""

from __future__ import annotations

from stacks.catalogue import nearby, similar
from stacks.catalogue.usage_error import MOST_LISTED, MOST_SIMILAR


def test_a_similar_name_is_hinted_at_and_another_is_not() -> None:
    assert "enable-threads" in similar("enable-thread", frozenset({"enable-threads"}))
    assert similar("project", frozenset({"enable-threads"})) == ""


def test_a_few_names_are_listed_and_of_many_only_those_that_are_near() -> None:
    few = ["open", "steady", "burst"]
    assert nearby("stedy", few, "`list`") == " (did you mean steady?); there are: open, steady, burst"
    many = [f"thread{number}" for number in range(9)] + [f"stack-{number}" for number in range(30)] + ["a-thread"]
    assert len(many) > MOST_LISTED
    hint = nearby("thread", many, "`list`")
    assert hint.startswith(" (did you mean thread0 or thread1 or ")
    assert hint.endswith("?); `list` shows all 40")
    assert hint.count(" or ") == MOST_SIMILAR - 1
    assert nearby("xyz", many, "`list`") == "; `list` shows all 40"
    assert nearby("a-thred", many, "`list`").startswith(" (did you mean a-thread")
