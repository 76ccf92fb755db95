"""Prepares the copies of a configuration in which ways are taken: a calm one, and one for each limit of a worker.

The calm copy has no limit that makes a worker leave, so a worker leaves only where the check asks it to.
"""

from __future__ import annotations

from collections.abc import Iterable

from stacks.check.diagnosis import LAZY
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import is_set
from stacks.check.recycling import Preparation, make_visible
from stacks.check.ways.derivation import EVERY_WORKER, IDLE, LIMITS, MAX_REQUESTS
from stacks.check.ways.way import Way
from stacks.run.trigger_runner import FIFO

DELTAS = ("max-requests-delta", "max-worker-lifetime-delta")
IDLE_WORKERS = 2
LIFETIMES = ("min-worker-lifetime", "max-worker-lifetime")
PRIVATE = "$(PACK_RUN)"  # the private directory of a run


def calm(ways: Iterable[Way]) -> Preparation:
    """Return the preparation for the ways that a trigger takes: it opens only the fifo and the files that they need."""
    asked = [way for way in ways if way.is_asked]

    def prepare(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
        _drop_limits(neutral)
        make_visible(neutral, binary_options, backlog)
        for option, value in dict.fromkeys(setting for way in asked for setting in way.settings):
            every = str(neutral.workers) if value == EVERY_WORKER else value
            neutral.set_option(option, every, "the master must add and end workers when the check asks for it")
        for trigger in dict.fromkeys(trigger for way in asked for trigger, _ in way.steps):
            verb, _, name = trigger.partition(" ")
            if verb == "touch":
                neutral.set_option(name, f"{PRIVATE}/{name}", "the check touches a file of its own")
            elif verb == FIFO:
                neutral.set_option("master-fifo", f"{PRIVATE}/{FIFO}", "the check writes to a fifo of its own")

    return prepare


def limited(way: Way, start_s: float = 0.0) -> Preparation:
    """Return the preparation in which the workers reach the limit of `way` within seconds.

    The app needs `start_s` to start. uWSGI counts the life of a worker from its fork, so with lazy-apps it contains the
    import, and the worker must live on after it.
    """

    def prepare(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
        _drop_limits(neutral)
        make_visible(neutral, binary_options, backlog)
        import_s = round(start_s) if is_set(neutral.options, *LAZY) else 0
        for option, value in way.settings:
            lowered = str(int(value) + import_s) if option in LIFETIMES else value
            neutral.set_option(option, lowered, "workers must reach this limit within seconds")
        if way.option == IDLE:
            neutral.workers = min(neutral.workers, IDLE_WORKERS)
            neutral.set_option("processes", str(neutral.workers), "the master ends one worker a second", ("workers",))

    return prepare


def _drop_limits(neutral: NeutralConfiguration) -> None:
    neutral.drop_options((MAX_REQUESTS, *LIMITS, *DELTAS), "another limit must not mix with the way that is taken")
