"""The advice about the user who checks: root should check a configuration of another user as this user."""

from __future__ import annotations

import pytest

from stacks.check.options import Options
from stacks.check.user_advice import user_advice


@pytest.mark.parametrize(
    ("options", "uid", "is_told"),
    [
        ([("uid", "www-data")], 0, True),
        ([("immediate-uid", "33")], 0, True),
        ([("uid", "www-data")], 33, False),
        ([("uid", "root")], 0, False),
        ([("gid", "www-data")], 0, False),
    ],
)
def test_root_is_told_to_check_as_the_user_of_the_configuration(options: Options, uid: int, is_told: bool) -> None:
    assert bool(user_advice(options, uid)) == is_told


def test_the_sentence_says_how() -> None:
    (sentence,) = user_advice([("uid", "www-data")], 0)
    assert "sudo -u www-data" in sentence
    assert "PACK_RESULTS=DIR" in sentence
