"""Episodes -> what each worker slot was doing when, as spans in seconds since the load began."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

SERVING, RESPAWNING, HUNG, CRASHED, MISSING = "serving", "respawning", "hung", "crashed", "missing"


@dataclass(frozen=True, slots=True)
class Span:
    """One state of one slot. `marked` spans begin with the moment that the picture is about."""

    slot: int
    state: str
    begin_s: float
    end_s: float
    marked: bool = False


def _first(episode: dict[Hashable, Any], *names: str) -> int | None:
    return next((int(episode[name]) for name in names if not pd.isna(episode[name])), None)


def _slot_spans(slot: int, episodes: list[dict[Hashable, Any]], end_ns: int) -> list[tuple[str, int, int, bool]]:
    """The states of a slot in monotonic time, the last one reaching to `end_ns`."""
    spans: list[tuple[str, int, int, bool]] = []
    serving_since: int | None = None
    for episode in episodes:
        outcome = episode["outcome"]
        left = _first(episode, "exit_begun_ns", "exited_ns")
        forked = _first(episode, "forked_ns")
        if serving_since is not None:
            spans.append((SERVING, serving_since, left or forked or end_ns, False))
        begun = left or forked or serving_since or end_ns
        serving_since = _first(episode, "ready_ns") if outcome == "ready" else None
        if outcome == "hung_at_exit":
            spans.append((HUNG, begun, end_ns, True))
        elif outcome == "hung_at_fork":
            spans += [(RESPAWNING, begun, forked or begun, False), (HUNG, forked or begun, end_ns, True)]
        elif outcome in ("crashed", "killed"):
            spans.append((CRASHED, begun, _first(episode, "decided_ns") or end_ns, True))
        else:
            state = MISSING if outcome == "undecided" else RESPAWNING
            spans.append((state, begun, serving_since or end_ns, False))
    if serving_since is not None:
        spans.append((SERVING, serving_since, end_ns, False))
    return spans


def lane_spans(episodes: pd.DataFrame, begin_ns: int, end_s: float) -> list[Span]:
    """Every slot's spans between the begin of the load and `end_s` after it."""
    spans: list[Span] = []
    for slot, of_slot in episodes.sort_values(["slot", "generation"]).groupby("slot"):
        rows = of_slot.to_dict("records")
        for state, since_ns, until_ns, marked in _slot_spans(int(str(slot)), rows, begin_ns + round(end_s * 1e9)):
            since_s, until_s = (since_ns - begin_ns) / 1e9, (until_ns - begin_ns) / 1e9
            if until_s > 0 and since_s < end_s and until_s > since_s:
                spans.append(Span(int(str(slot)), state, max(0.0, since_s), min(end_s, until_s), marked))
    return spans
