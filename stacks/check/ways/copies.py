"""Prepares the copies of a configuration in which ways are taken: a calm one, and one for each limit of a worker.

The calm copy has no limit that makes a worker leave, so a worker leaves only where the check asks it to.
"""

from __future__ import annotations

from collections.abc import Iterable

from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.recycling import Preparation, make_visible
from stacks.check.ways.derivation import LIMITS, MAX_REQUESTS, TOUCHES
from stacks.check.ways.way import Way
from stacks.run.trigger_runner import FIFO

DELTAS = ("max-requests-delta", "max-worker-lifetime-delta")
PRIVATE = "$(PACK_RUN)"  # the private directory of a run


def calm(ways: Iterable[Way]) -> Preparation:
    """Return the preparation for the ways that a trigger takes: it opens only the fifo and the files that they need."""

    def prepare(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
        _drop_limits(neutral)
        make_visible(neutral, binary_options, backlog)
        options = dict.fromkeys(way.option for way in ways if way.trigger)
        for option in options:
            if option in TOUCHES:
                neutral.set_option(option, f"{PRIVATE}/{option}", "the check touches a file of its own")
            elif option == "master-fifo":
                neutral.set_option(option, f"{PRIVATE}/{FIFO}", "the check writes to a fifo of its own")

    return prepare


def limited(way: Way) -> Preparation:
    """Return the preparation in which the workers reach the limit of `way` within seconds."""

    def prepare(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
        _drop_limits(neutral)
        make_visible(neutral, binary_options, backlog)
        for option, value in way.settings:
            neutral.set_option(option, value, "workers must reach this limit within seconds")

    return prepare


def _drop_limits(neutral: NeutralConfiguration) -> None:
    neutral.drop_options((MAX_REQUESTS, *LIMITS, *DELTAS), "another limit must not mix with the way that is taken")
