"""Which versions `bisect` searches, and how many respawns a good step takes."""

from __future__ import annotations

import pytest

from stacks.campaign import bisect
from stacks.campaign.bisect import candidates
from stacks.catalogue import UsageError, load

KNOWN = load()


def test_with_a_fixed_python_the_pins_are_searched_and_with_a_fixed_pin_the_pythons() -> None:
    pins = candidates(KNOWN, "3.12")
    assert [version.pin for version in pins][:4] == ["2.0.22", "2.0.23", "2.0.23.post0", "2.0.26"]
    assert {version.python for version in pins} == {"3.12"}
    pythons = candidates(KNOWN, "2.0.26")
    assert [version.python for version in pythons] == ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
    with pytest.raises(UsageError, match=r"VERSION=2\.0\.99: hold a Python \(3\.10, .*\) or a pin \(2\.0\.22, "):
        candidates(KNOWN, "2.0.99")


def test_a_good_step_takes_29_respawns() -> None:
    assert bisect.respawns_to_rule_out(bisect.RULED_OUT) == 35
