"""Episodes -> what each worker slot did and when: spans of one state, in seconds since the load began."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

SERVING, RESPAWNING, HUNG, CRASHED, MISSING = "serving", "respawning", "hung", "crashed", "missing"

Episode = dict[Hashable, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One state of one slot. A `marked` span begins with a hang or a death."""

    slot: int
    state: str
    begin_s: float
    end_s: float
    marked: bool = False


def slot_spans(episodes: pd.DataFrame, begin_ns: int, end_s: float) -> list[Span]:
    """Every slot's spans from the begin of the load to `end_s` seconds after it.

    `episodes` has the columns slot, generation, outcome, exit_begun_ns, exited_ns, forked_ns, ready_ns and decided_ns;
    `begin_ns` is on the same monotonic clock.
    """
    spans: list[Span] = []
    for slot, of_slot in episodes.sort_values(["slot", "generation"]).groupby("slot"):
        rows = of_slot.to_dict("records")
        for state, since_ns, until_ns, marked in _states(rows, begin_ns + round(end_s * 1e9)):
            since_s, until_s = (since_ns - begin_ns) / 1e9, (until_ns - begin_ns) / 1e9
            if until_s > 0 and since_s < end_s and until_s > since_s:
                spans.append(Span(int(str(slot)), state, max(0.0, since_s), min(end_s, until_s), marked))
    return spans


def _states(episodes: list[Episode], end_ns: int) -> list[tuple[str, int, int, bool]]:
    """(state, begin, end, marked) of one slot in monotonic nanoseconds; the last state reaches to `end_ns`."""
    states: list[tuple[str, int, int, bool]] = []
    serving_since: int | None = None
    for episode in episodes:
        outcome = episode["outcome"]
        left = _first_time(episode, "exit_begun_ns", "exited_ns")
        forked = _first_time(episode, "forked_ns")
        if serving_since is not None:
            states.append((SERVING, serving_since, left or forked or end_ns, False))
        begun = left or forked or serving_since or end_ns
        serving_since = _first_time(episode, "ready_ns") if outcome == "ready" else None
        if outcome == "hung_at_exit":
            states.append((HUNG, begun, end_ns, True))
        elif outcome == "hung_at_fork":
            states += [(RESPAWNING, begun, forked or begun, False), (HUNG, forked or begun, end_ns, True)]
        elif outcome in ("crashed", "killed"):
            states.append((CRASHED, begun, _first_time(episode, "decided_ns") or end_ns, True))
        else:
            state = MISSING if outcome == "undecided" else RESPAWNING
            states.append((state, begun, serving_since or end_ns, False))
    if serving_since is not None:
        states.append((SERVING, serving_since, end_ns, False))
    return states


def _first_time(episode: Episode, *columns: str) -> int | None:
    """The first of these times that the episode has."""
    return next((int(episode[column]) for column in columns if not pd.isna(episode[column])), None)
