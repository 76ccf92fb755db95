"""Prints the lines by which a run tells its campaign how far it is. `run_process` reads them.

A line is a JSON object: `phase`, `elapsed_s`, `port`, in a check the `way` that is taken and its `step` among those of
the run, and, once the rows have been judged, `respawns`, `hung`, `verdict`, `reason` and `evidence`. The phases are
starting, waiting, loading, settling, stopping and done.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from stacks.lifecycle.verdict import Judgement


class Reporter:
    """Prints a run's lines to stdout, and counts the seconds that the run has taken."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.port = 0  # where uWSGI listens; 0 before it has started
        self.way = ""  # the way of a check that is under way
        self.step = 0  # its number among the steps of the run, from 1 on
        self._clock = clock
        self._began_s = clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began, without the excluded ones."""
        return round(self._clock() - self._began_s, 3)

    def exclude(self, seconds: float) -> None:
        """Do not count `seconds` as time of the run: it only waited for another run to end."""
        self._began_s += seconds

    def print_line(self, phase: str, judgement: Judgement | None = None) -> None:
        """Print one line. It is no error if the campaign has ended and nobody reads it."""
        row: dict[str, Any] = {"phase": phase, "elapsed_s": self.elapsed_s, "port": self.port}
        if self.way:
            row |= {"way": self.way, "step": self.step}
        if judgement is not None:
            row |= {"respawns": judgement.respawns, "hung": judgement.hung + judgement.hung_initial}
            row |= {name: getattr(judgement, name) for name in ("verdict", "reason", "evidence")}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(row), flush=True)
