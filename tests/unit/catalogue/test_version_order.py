"""Version texts: what pip, `uwsgi --version` and Python print is compared by its numbers."""

from __future__ import annotations

import pytest

from stacks.catalogue import Defect, Version, load
from stacks.catalogue.version_order import build_of, comparable, is_before, is_within


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.0.26", "2.0.26"),
        ("2.0.23.post0", "2.0.23.post0"),
        ("2.0.30.post1", "2.0.30.post1"),
        ("2.0.19.1-debian", "2.0.19.1"),
        ("2.0.20-debian", "2.0.20"),
        ("2.0.21-debian", "2.0.21"),
        ("2.0.26-debian", "2.0.26"),
        ("2.0.31+dfsg", "2.0.31"),
        ("2.0.28~rc1", "2.0.28"),
        ("2.1-dev-4e2af2a5", "2.1"),
        ("3.12.1", "3.12.1"),
        ("3.13.0rc1+", "3.13.0"),
        ("3.14.0a7", "3.14.0"),
        ("3.11.2+", "3.11.2"),
    ],
)
def test_the_numbers_of_real_version_texts(text: str, numbers: str) -> None:
    assert str(comparable(text)) == numbers


def test_versions_are_ordered_by_their_numbers() -> None:
    assert is_before("2.0.26", "2.0.27")
    assert is_before("2.0.21-debian", "2.0.24")
    assert is_before("2.0.9", "2.0.24")
    assert is_before("2.0.23", "2.0.23.post0")
    assert not is_before("2.0.26-debian", "2.0.26")
    assert not is_before("2.0.31+dfsg", "2.0.27")
    assert not is_before("2.0.27.post1", "2.0.27")
    assert not is_before("2.1-dev-abc", "2.0.27")
    assert not is_before("3.12.0rc1+", "3.12")
    assert is_before("3.11.2+", "3.12")


def test_a_text_without_numbers_is_neither_older_nor_within_a_range() -> None:
    assert comparable("unknown") is None
    assert not is_before("unknown", "2.0.27")
    assert not is_within("unknown", "<2.0.27")
    assert is_within("unknown", "")


@pytest.mark.parametrize(
    ("text", "specifiers", "expected"),
    [
        ("2.0.21-debian", "<2.0.24", True),
        ("2.0.26-debian", ">=2.0.25,<2.0.27", True),
        ("2.0.31+dfsg", ">=2.0.27,<2.0.31", False),
        ("2.0.27.post1", "!=2.0.27.*", False),
        ("3.13.0rc1+", ">=3.13", True),
    ],
)
def test_the_range_of_a_defect_holds_for_the_build_of_a_distribution(
    text: str, specifiers: str, expected: bool
) -> None:
    assert is_within(text, specifiers) is expected


def test_a_defect_affects_the_build_of_a_distribution() -> None:
    stall: Defect = load().defects["exit-stall"]
    assert stall.affects(Version("3.11", "uwsgi", "2.0.21-debian"))
    assert not stall.affects(Version("3.13", "uwsgi", "2.0.31+dfsg"))


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("2.0.31", ""),
        ("2.0.30.post1", ""),
        ("2.0.21-debian", "the build of the distribution"),
        ("2.0.31+dfsg", "the build of the distribution"),
        ("2.1-dev-4e2af2a5", "a development build"),
        ("unknown", ""),
    ],
)
def test_the_build_is_named(text: str, build: str) -> None:
    assert build_of(text) == build
