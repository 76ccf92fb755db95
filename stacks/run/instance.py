"""What a run needs of the uWSGI that it hammers: an own instance, or one that was running before.

An instance is a uWSGI master with its workers. `OwnInstance` starts and stops one, `AttachedInstance` only looks.
"""

from __future__ import annotations

from typing import Protocol

from stacks.lifecycle.verdict import Judgement
from stacks.observe.observer import Observer
from stacks.run.live_run import LiveRun


class Instance(Protocol):
    """A uWSGI from the view of the run that hammers it."""

    port: int  # where it listens

    def observe(self) -> Observer:
        """Start uWSGI, or attach to it. Returns its observer."""

    def await_ready(self, live: LiveRun) -> None:
        """Wait until its first workers accept. Raises CannotMeasure."""

    def can_start_again(self, error: str) -> bool:
        """Return True if `observe` may succeed after a CannotMeasure with this text."""

    def accepts_load(self, live: LiveRun) -> bool:
        """Return True if the load may begin."""

    def mercy_s(self) -> float:
        """Return how many seconds a worker may take to leave before its master kills it."""

    def explain(self, judgement: Judgement) -> Judgement:
        """Return the final judgement, with a reason that fits this kind of instance."""

    def stop(self, live: LiveRun) -> None:
        """Stop uWSGI, or only stop watching it."""
